// Sự kiện: everything that was stored, newest first, filtered and in pages.
import { useSignal } from "@preact/signals";

import { api, type EventFilter } from "../api";
import { now } from "../clock";
import { cameraOfEvent, EventIcon, showEvent } from "../event";
import { Icon } from "../icons";
import { t } from "../i18n";
import { cameras } from "../live";
import { useLoad } from "../load";
import { cameraKey, EVENT_KINDS, type Severity, type VongEvent } from "../model";
import { Empty, Fault, Latency, SeverityTag, WayTag } from "../parts";
import { cameraHref, go, href } from "../router";
import { moment } from "../time";
import { eventPhrase, kindName, placeName, severityName } from "../words";

const PAGE_SIZE = 50;
const SEVERITIES: readonly Severity[] = ["warning", "minor", "major", "critical"];

export function EventsPage({ query }: { query: URLSearchParams }) {
  const filter = filterOf(query);
  const key = JSON.stringify(filter);
  // The cursors of the pages passed, for the way back; they belong to one filter.
  const trail = useSignal<{ key: string; cursors: string[] }>({ key, cursors: [] });
  const cursors = trail.value.key === key ? trail.value.cursors : [];
  const before = cursors.at(-1) ?? null;
  const asked = useLoad(`${key} ${before ?? ""}`, () => api.events(filter, before, PAGE_SIZE));
  const next = asked.data?.next ?? null;
  return (
    <section class="panel page" aria-labelledby="events-title">
      <div class="panel-head">
        <h1 id="events-title">{t("events.title")}</h1>
        <Filter filter={filter} />
      </div>
      {asked.fault ? <Fault text={asked.fault} retry={asked.again} /> : null}
      {!asked.data && !asked.fault ? <Empty>{t("loading")}</Empty> : null}
      {asked.data?.items.length === 0 ? <Empty>{t("events.none")}</Empty> : null}
      {asked.data && asked.data.items.length > 0 ? <EventTable events={asked.data.items} /> : null}
      <nav class="pager" aria-label={t("events.page", { n: cursors.length + 1 })}>
        <button
          type="button"
          disabled={cursors.length === 0}
          onClick={() => (trail.value = { key, cursors: cursors.slice(0, -1) })}
        >
          {t("events.newer")}
        </button>
        <span>{t("events.page", { n: cursors.length + 1 })}</span>
        <button
          type="button"
          disabled={next === null}
          onClick={() => next !== null && (trail.value = { key, cursors: [...cursors, next] })}
        >
          {t("events.older")}
        </button>
        {cursors.length === 0 ? (
          <button type="button" onClick={asked.again}>
            {t("retry.refresh")}
          </button>
        ) : null}
      </nav>
    </section>
  );
}

function filterOf(query: URLSearchParams): EventFilter {
  const text = (name: string) => query.get(name) ?? "";
  const severity = SEVERITIES.find((s) => s === text("severity_min"));
  return { agent: text("agent"), camera: text("camera"), kind: text("kind"), severity_min: severity ?? "" };
}

function Filter({ filter }: { filter: EventFilter }) {
  const change = (part: EventFilter) => go(href(["events"], { ...filter, ...part } as Record<string, string>));
  const list = [...cameras.value.values()].sort((a, b) => a.name.localeCompare(b.name, "vi"));
  const chosen = filter.camera ? cameraKey(filter.agent ?? "", filter.camera) : "";
  const onCamera = (key: string) => {
    const camera = cameras.value.get(key);
    change({ agent: camera?.agent ?? "", camera: camera?.id ?? "" });
  };
  return (
    <form class="filter" aria-label={t("events.filter")} onSubmit={(e) => e.preventDefault()}>
      <label>
        {t("events.camera")}
        <select value={chosen} onChange={(e) => onCamera(e.currentTarget.value)}>
          <option value="">{t("events.any")}</option>
          {chosen && !cameras.value.has(chosen) ? <option value={chosen}>{chosen}</option> : null}
          {list.map((camera) => (
            <option key={cameraKey(camera.agent, camera.id)} value={cameraKey(camera.agent, camera.id)}>
              {camera.name || camera.id}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("events.kind")}
        <select value={filter.kind ?? ""} onChange={(e) => change({ kind: e.currentTarget.value })}>
          <option value="">{t("events.any")}</option>
          {EVENT_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {kindName(kind)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("events.severity")}
        <select
          value={filter.severity_min ?? ""}
          onChange={(e) => change({ severity_min: e.currentTarget.value as Severity | "" })}
        >
          <option value="">{t("events.any")}</option>
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {severityName(severity)}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

function EventTable({ events }: { events: VongEvent[] }) {
  const columns = ["events.when", "events.what", "events.way", "events.where", "severity", "events.latency"] as const;
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-labelledby="events-title">
      <table class="events-table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col" class={column === "events.latency" ? "number" : undefined}>
                {t(column)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventLine key={event.id} event={event} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventLine({ event }: { event: VongEvent }) {
  const camera = cameraOfEvent(event);
  return (
    <tr>
      <td class="nowrap">
        <time dateTime={event.captured_at}>{moment(event.captured_at, now.value)}</time>
      </td>
      <td>
        <button type="button" class="link" onClick={() => showEvent(event)}>
          <EventIcon event={event} />
          {eventPhrase(event, camera)}
          {event.evidence.length > 0 ? <Icon name="image" label={t("events.evidence")} /> : null}
        </button>
      </td>
      <td>
        <WayTag direction={event.direction} rule={event.rule} camera={camera} />
      </td>
      <td>
        <a href={cameraHref(event.agent, event.camera)}>{placeName(event.agent, event.camera, camera)}</a>
      </td>
      <td>{event.severity === "none" ? null : <SeverityTag severity={event.severity} />}</td>
      <td class="number">
        <Latency captured={event.captured_at} stored={event.stored_at} />
      </td>
    </tr>
  );
}
