// The console: pages by address, one stream of news, one place for each concern beside this file.
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/picture.css";
import "./style/lists.css";
import "./style/now.css";
import "./style/pages.css";
import "./style/narrow.css";

import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect } from "preact/hooks";

import { configure, errorWords } from "./api";
import { serverTold, startClock } from "./clock";
import { EventDialog, hideEvent } from "./event";
import { lang, t } from "./i18n";
import { AlertsPage } from "./pages/alerts";
import { BoxesPage } from "./pages/boxes";
import { CameraPage } from "./pages/camera";
import { EventsPage } from "./pages/events";
import { NowPage } from "./pages/now";
import { SetupPage, SignInPage } from "./pages/signin";
import { Empty, Fault } from "./parts";
import { route } from "./router";
import { ended, restore, session, sessionError } from "./session";
import { Header, LangSwitch, StaleBanner, Voice } from "./shell";

function Page() {
  const { path, query } = route.value;
  const [name = "now", first, second] = path;
  switch (name) {
    case "now":
      return <NowPage />;
    case "camera":
      if (first && second) return <CameraPage key={`${first}/${second}`} agent={first} id={second} />;
      break;
    case "events":
      return <EventsPage query={query} />;
    case "alerts":
      return <AlertsPage query={query} />;
    case "boxes":
      return <BoxesPage />;
  }
  return <Empty>{t("page.missing")}</Empty>;
}

function App() {
  const { path, query } = route.value;
  const address = path.join("/");
  useEffect(hideEvent, [address]);
  if (path[0] === "setup" && !session.value) return <AtTheDoor page={<SetupPage token={query.get("token")} />} />;
  if (session.value === undefined) {
    const fault = sessionError.value;
    return (
      <main class="door" id="main">
        {fault ? <Fault text={errorWords(fault)} retry={() => void restore()} /> : <Empty>{t("loading")}</Empty>}
      </main>
    );
  }
  if (session.value === null) return <AtTheDoor page={<SignInPage />} />;
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        {t("skip")}
      </a>
      <Header />
      <StaleBanner />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <EventDialog />
      <Voice />
    </>
  );
}

/** The address after `#` is the page's, so the skip link moves the focus itself. */
function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function AtTheDoor({ page }: { page: preact.ComponentChild }) {
  return (
    <>
      <div class="door-tools">
        <LangSwitch />
      </div>
      {page}
    </>
  );
}

configure({ unauthorized: ended, clock: serverTold });
effect(() => {
  document.documentElement.lang = lang.value;
});
startClock();
void restore();

const root = document.getElementById("app");
if (root) render(<App />, root);
