// What stands around every page: navigation, the state of the connection, the voice for new alarms.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { cameraOf } from "./alert";
import { now } from "./clock";
import { Icon } from "./icons";
import { lang, switchLang, t } from "./i18n";
import { keysOn, setKeys, useKeys } from "./keys";
import { agents, cameras, eventsToday, link, loaded, loadError, moreAlerts, openAlerts, raised, stale } from "./live";
import { go, href, route } from "./router";
import { session, signOut } from "./session";
import { clockTime, duration, moment, weekdayDate } from "./time";
import { alertPhrase, placeName, quantity, severityName } from "./words";

/** In the order of the number keys. Later pages find their place here. */
const PAGES = ["now", "alerts", "events", "boxes"] as const;

export function Header() {
  const help = useRef<HTMLDialogElement>(null);
  const openHelp = () => help.current?.showModal();
  const numbers = Object.fromEntries(PAGES.map((page, i) => [String(i + 1), () => go(href([page]))]));
  useKeys({ ...numbers, "?": openHelp });
  const current = route.value.path[0] ?? "now";
  return (
    <header class="top">
      <a class="brand" href="#/now" title={t("app.place")}>
        {t("app.name")}
      </a>
      <nav class="pages" aria-label={t("nav.label")}>
        {PAGES.map((page) => (
          <a key={page} href={href([page])} aria-current={page === current ? "page" : undefined}>
            {t(`nav.${page}`)}
          </a>
        ))}
      </nav>
      <Totals />
      <LinkState />
      <Clock />
      <div class="tools">
        <button type="button" class="quiet-button" onClick={openHelp} aria-label={t("help.open")} title={t("help.open")}>
          <Icon name="keyboard" />
        </button>
        <LangSwitch />
        <User />
      </div>
      <Help dialog={help} />
    </header>
  );
}

export function LangSwitch() {
  const other = lang.value === "vi" ? "en" : "vi";
  return (
    <button type="button" class="quiet-button" lang={other} aria-label={t("lang.switch.label")} onClick={switchLang}>
      {t("lang.switch")}
    </button>
  );
}

function User() {
  const user = session.value?.user;
  if (!user) return null;
  // Offline, the session stays; the page then says that it is cut off.
  const leave = () => void signOut().catch(() => undefined);
  return (
    <>
      <span class="user">
        {user.name} <span class="hint">{t(`role.${user.role}`)}</span>
      </span>
      <button type="button" class="quiet-button" onClick={leave}>
        {t("signout")}
      </button>
    </>
  );
}

/** While cut off none of these is known for now, and so none is shown as if it were. */
function Totals() {
  const known = loaded.value && !stale.value;
  const live = [...cameras.value.values()].filter((camera) => camera.state === "live").length;
  const online = [...agents.value.values()].filter((agent) => agent.state === "online").length;
  const open = openAlerts.value.length;
  const of = (part: number, all: number) => `${quantity(part)}/${quantity(all)}`;
  const rows = [
    { key: "alerts", text: `${quantity(open)}${moreAlerts.value ? "+" : ""}`, bad: open > 0 },
    { key: "cameras", text: of(live, cameras.value.size), bad: live < cameras.value.size },
    { key: "boxes", text: of(online, agents.value.size), bad: online < agents.value.size },
    { key: "events", text: quantity(eventsToday.value), bad: false },
  ] as const;
  return (
    <dl class="totals">
      {rows.map(({ key, text, bad }) => (
        <div key={key} class={known && bad ? "bad" : undefined}>
          <dt>{t(`summary.${key}`)}</dt>
          <dd>{known ? text : t("unknown")}</dd>
        </div>
      ))}
    </dl>
  );
}

const LINK_ICON = { connecting: "dots", live: "check", down: "cross" } as const;

function LinkState() {
  const { state } = link.value;
  return (
    <span class={`link-state link-${state}`} role="status" aria-label={t("link.label")}>
      <Icon name={LINK_ICON[state]} />
      {t(`link.${state}`)}
    </span>
  );
}

function Clock() {
  return (
    <time class="clock" dateTime={new Date(now.value).toISOString()}>
      <strong>{clockTime(now.value)}</strong>
      <span class="hint">{weekdayDate(now.value)}</span>
    </time>
  );
}

/** Across the page while it does not show the present. */
export function StaleBanner() {
  const { state, goodAt } = link.value;
  if (state !== "down") return null;
  return (
    <div class="stale-banner" role="alert">
      <Icon name="cross" />
      <span>
        {goodAt === null
          ? t("stale.never")
          : t("stale.since", { time: moment(goodAt, now.value), ago: t("ago", { d: duration(now.value - goodAt) }) })}{" "}
        {t("stale.retrying")} {loadError.value}
      </span>
    </div>
  );
}

/** Reads out new alarms and the fate of the connection; also tells them in the tab's title. */
export function Voice() {
  const alert = raised.value;
  const down = link.value.state === "down";
  const wasDown = useRef(false);
  const said = useSignal("");
  useEffect(() => {
    if (down) said.value = t("announce.down");
    else if (wasDown.current && link.value.state === "live") said.value = t("announce.live");
    if (link.value.state !== "connecting") wasDown.current = down;
  });
  const open = openAlerts.value.filter((a) => !a.acknowledged).length;
  useEffect(() => {
    const mark = stale.value ? "(?) " : open > 0 ? `(${open}) ` : "";
    document.title = `${mark}${t("app.name")}`;
  });
  const camera = alert ? cameraOf(alert) : undefined;
  return (
    <div class="unseen">
      <p aria-live="assertive">
        {alert
          ? t("announce.alert", {
              severity: severityName(alert.severity),
              what: alertPhrase(alert, camera),
              where: placeName(alert.agent, alert.camera, camera),
            })
          : ""}
        {alert && alert.occurrences > 1 ? ` (${t("alert.occurrences.short", { n: alert.occurrences })})` : ""}
      </p>
      <p aria-live="polite">{said.value}</p>
    </div>
  );
}

function Help({ dialog }: { dialog: { current: HTMLDialogElement | null } }) {
  const rows = [
    { keys: ["j", "k"], text: t("help.move") },
    { keys: ["a"], text: t("help.ack") },
    { keys: ["n"], text: t("help.note") },
    { keys: ["1", "2", "3", "4"], text: t("help.pages") },
    { keys: ["?"], text: t("help.this") },
  ];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title">
      <div class="dialog-head">
        <h2 id="help-title">{t("help.title")}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          <Icon name="cross" />
          {t("close")}
        </button>
      </div>
      <dl class="key-list">
        {rows.map(({ keys, text }) => (
          <div key={text}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input type="checkbox" checked={keysOn.value} onChange={(e) => setKeys(e.currentTarget.checked)} />
        {t("help.on")}
      </label>
      <p>
        <a href="licences.txt" target="_blank" rel="noreferrer">
          {t("help.licences")}
        </a>
      </p>
    </dialog>
  );
}
