// Cảnh báo: open ones or all there were, each with its story.
import { useSignal } from "@preact/signals";

import { AlertDetail, AlertRow, alertRowId } from "../alert";
import { api } from "../api";
import { t } from "../i18n";
import { useKeys } from "../keys";
import { alerts, openAlerts } from "../live";
import { useLoad } from "../load";
import type { Alert } from "../model";
import { Empty, Fault } from "../parts";
import { go, href } from "../router";

const PAGE_SIZE = 50;
/** Alerts that the stream tells of show up in the list of all this soon. */
const REFRESH_MS = 15_000;

export function AlertsPage({ query }: { query: URLSearchParams }) {
  const state = query.get("state") === "all" ? "all" : "open";
  const trail = useSignal<{ state: string; cursors: string[] }>({ state, cursors: [] });
  const cursors = trail.value.state === state ? trail.value.cursors : [];
  const before = cursors.at(-1) ?? null;
  const asked = useLoad(`${state} ${before ?? ""}`, () => api.alerts(state, before, PAGE_SIZE), REFRESH_MS);
  const list = listed(state, before, asked.data?.items);
  const wanted = query.get("id");
  const chosen = list?.find((alert) => alert.id === wanted) ?? (wanted === null ? (list?.[0] ?? null) : null);
  const address = (id: string) => href(["alerts"], { state: state === "all" ? "all" : "", id });
  const step = (by: 1 | -1) => {
    const at = list?.findIndex((alert) => alert.id === chosen?.id) ?? -1;
    const next = list?.[Math.max(at + by, 0)];
    if (!next) return;
    go(address(next.id));
    document.getElementById(alertRowId(next.id))?.focus();
  };
  useKeys({ j: () => step(1), k: () => step(-1) });
  return (
    <div class="alerts-page">
      <section class="panel" aria-labelledby="alerts-title">
        <div class="panel-head">
          <h1 id="alerts-title">{t("nav.alerts")}</h1>
          <nav class="tabs" aria-label={t("nav.alerts")}>
            {(["open", "all"] as const).map((tab) => (
              <a key={tab} href={href(["alerts"], { state: tab === "all" ? "all" : "" })} aria-current={tab === state ? "page" : undefined}>
                {t(`alerts.${tab}`)}
              </a>
            ))}
          </nav>
        </div>
        <div class="panel-body">
          {asked.fault ? <Fault text={asked.fault} retry={asked.again} /> : null}
          {!list && !asked.fault ? <Empty>{t("loading")}</Empty> : null}
          {list?.length === 0 ? <Empty>{t(`alerts.none.${state}`)}</Empty> : null}
          <ol class="alert-list">
            {list?.map((alert) => (
              <AlertRow key={alert.id} alert={alert} selected={alert.id === chosen?.id} onSelect={(id) => go(address(id))} />
            ))}
          </ol>
          <Pager next={asked.data?.next ?? null} cursors={cursors} onMove={(moved) => (trail.value = { state, cursors: moved })} />
        </div>
      </section>
      <section class="panel" aria-label={t("now.detail")}>
        {chosen ? <AlertDetail alert={chosen} /> : wanted ? <Elsewhere id={wanted} /> : <Empty>{t("alert.pick")}</Empty>}
      </section>
    </div>
  );
}

/** The page as loaded, each alert in its newest state; open ones also that came since. */
function listed(state: "open" | "all", before: string | null, items: Alert[] | undefined): Alert[] | null {
  if (!items) return null;
  if (state === "open" && before === null) {
    const known = new Set(openAlerts.value.map((alert) => alert.id));
    const older = items.filter((alert) => !known.has(alert.id) && !alerts.value.has(alert.id));
    return [...openAlerts.value, ...older];
  }
  return items.map((alert) => alerts.value.get(alert.id) ?? alert);
}

function Pager(props: { next: string | null; cursors: string[]; onMove: (cursors: string[]) => void }) {
  const { next, cursors, onMove } = props;
  if (next === null && cursors.length === 0) return null;
  return (
    <nav class="pager" aria-label={t("events.page", { n: cursors.length + 1 })}>
      <button type="button" disabled={cursors.length === 0} onClick={() => onMove(cursors.slice(0, -1))}>
        {t("events.newer")}
      </button>
      <span>{t("events.page", { n: cursors.length + 1 })}</span>
      <button type="button" disabled={next === null} onClick={() => next !== null && onMove([...cursors, next])}>
        {t("events.older")}
      </button>
    </nav>
  );
}

/** An alert that is not in the list, asked for by its own address. */
function Elsewhere({ id }: { id: string }) {
  const asked = useLoad(id, () => api.alert(id));
  if (asked.fault) return <Fault text={asked.fault} retry={asked.again} />;
  const current = alerts.value.get(id) ?? asked.data;
  return current ? <AlertDetail alert={current} /> : <Empty>{t("loading")}</Empty>;
}
