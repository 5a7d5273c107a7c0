// Bây giờ: what needs a person, what the cameras show, and what happens this moment.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { AlertDetail, AlertRow, alertRowId } from "../alert";
import { CameraGrid } from "../camera-grid";
import { now } from "../clock";
import { EventRow } from "../event";
import { Icon } from "../icons";
import { t } from "../i18n";
import { useKeys } from "../keys";
import { cameras, link, loaded, moreAlerts, openAlerts, recent, stale } from "../live";
import { type Alert, severityRank, type VongEvent } from "../model";
import { Empty } from "../parts";
import { moment } from "../time";
import { quantity } from "../words";

const ALERTS_SHOWN = 100;
const EVENTS_SHOWN = 80;

export function NowPage() {
  const list = openAlerts.value;
  const { chosen, choose } = useChoice(list);
  return (
    <div class="now">
      <h1 class="unseen">{t("nav.now")}</h1>
      <section class="panel now-alerts" aria-labelledby="now-alerts-title">
        <div class="panel-head">
          <h2 id="now-alerts-title">
            {t("now.alerts")} <span class="count">{loaded.value ? `${list.length}${moreAlerts.value ? "+" : ""}` : "–"}</span>
          </h2>
        </div>
        <div class="panel-body">
          {list.length === 0 ? <NoAlerts /> : null}
          <ol class="alert-list">
            {list.slice(0, ALERTS_SHOWN).map((alert) => (
              <AlertRow key={alert.id} alert={alert} selected={alert.id === chosen?.id} onSelect={choose} />
            ))}
          </ol>
          {list.length > ALERTS_SHOWN || moreAlerts.value ? (
            <p class="hint">{t("now.alerts.more", { n: Math.min(list.length, ALERTS_SHOWN) })}</p>
          ) : null}
        </div>
      </section>
      <section class="panel now-detail" aria-labelledby="now-detail-title">
        <h2 id="now-detail-title" class="unseen">
          {t("now.detail")}
        </h2>
        {chosen ? <AlertDetail alert={chosen} /> : <Calm />}
      </section>
      <CameraGrid />
      <LiveList />
    </div>
  );
}

/**
 * The chosen alert stays chosen, also when its acknowledgement moves it down the list: a second press
 * must not act on another one. The next step then goes on from the place where it stood.
 * When it leaves the list, what took its place is chosen.
 */
function useChoice(list: readonly Alert[]) {
  const id = useSignal<string | null>(null);
  const place = useRef(0);
  const wasTaken = useRef(false);
  const found = list.findIndex((alert) => alert.id === id.value);
  const at = found >= 0 ? found : Math.min(place.current, list.length - 1);
  const chosen = list[at] ?? null;
  const taken = chosen !== null && chosen.acknowledged !== null;
  if (found < 0) wasTaken.current = taken;
  if (!taken || wasTaken.current) place.current = Math.max(at, 0);
  const choose = (next: string) => {
    wasTaken.current = list.some((alert) => alert.id === next && alert.acknowledged !== null);
    id.value = next;
  };
  useEffect(() => {
    if (chosen && id.value !== chosen.id) id.value = chosen.id;
  });
  const step = (by: 1 | -1) => {
    const moved = place.current !== at;
    const to = moved ? place.current + (by === 1 ? 0 : -1) : at + by;
    const next = list[Math.min(Math.max(to, 0), Math.min(list.length, ALERTS_SHOWN) - 1)];
    if (!next) return;
    choose(next.id);
    document.getElementById(alertRowId(next.id))?.focus();
  };
  useKeys({ j: () => step(1), k: () => step(-1) });
  return { chosen, choose };
}

function NoAlerts() {
  if (!loaded.value) return <Empty>{t(link.value.state === "down" ? "unknown" : "loading")}</Empty>;
  return stale.value ? <Empty>{t("unknown")}</Empty> : <Empty>{t("alerts.none.open")}</Empty>;
}

/** Calm is only said while the page is sure of it, and never without what is not observed. */
function Calm() {
  const all = cameras.value.size;
  const blind = [...cameras.value.values()].filter((camera) => camera.state !== "live").length;
  if (!loaded.value || stale.value) {
    return (
      <div class="calm unsure">
        <Icon name="question" />
        <p>{t("unknown")}</p>
      </div>
    );
  }
  const goodAt = link.value.goodAt ?? now.value;
  return (
    <div class={`calm${blind > 0 || all === 0 ? " unsure" : ""}`}>
      <Icon name={blind > 0 || all === 0 ? "question" : "check"} />
      <p>{openAlerts.value.length > 0 ? t("alert.pick") : t("now.alerts.none")}</p>
      {blind > 0 ? <p class="blind">{t("now.blind", { n: quantity(blind), all: quantity(all) })}</p> : null}
      <p class="hint">{t("now.alerts.none.as_of", { time: moment(goodAt, now.value) })}</p>
    </div>
  );
}

function LiveList() {
  const held = useSignal<readonly VongEvent[] | null>(null);
  const warnings = useSignal(false);
  const wanted = (event: VongEvent) => !warnings.value || severityRank(event.severity) >= severityRank("warning");
  const list = (held.value ?? recent.value).filter(wanted).slice(0, EVENTS_SHOWN);
  const newest = held.value?.[0];
  const missed = held.value ? recent.value.findIndex((event) => event.id === newest?.id) : 0;
  return (
    <section class={`panel now-live${held.value ? " held" : ""}`} aria-labelledby="now-live-title">
      <div class="panel-head">
        <h2 id="now-live-title">{t("now.live")}</h2>
        <label class="check">
          <input type="checkbox" checked={warnings.value} onChange={(e) => (warnings.value = e.currentTarget.checked)} />
          {t("now.live.warnings")}
        </label>
        <button
          type="button"
          class="small"
          aria-label={t(held.value ? "now.live.resume" : "now.live.pause")}
          title={t(held.value ? "now.live.resume" : "now.live.pause")}
          onClick={() => (held.value = held.value ? null : recent.value)}
        >
          <Icon name={held.value ? "play" : "pause"} />
        </button>
      </div>
      <div class="panel-body">
        {held.value ? (
          <p class="hint">{t("now.live.paused", { n: missed >= 0 ? missed : recent.value.length })}</p>
        ) : null}
        {list.length === 0 ? <Empty>{t(loaded.value ? "now.live.none" : "loading")}</Empty> : null}
        <ol class="event-list">
          {list.map((event) => (
            <EventRow key={event.id} event={event} place />
          ))}
        </ol>
      </div>
    </section>
  );
}
