// One camera: its picture with what it watches, its health, what it counted today, what it saw lately.
import { useSignal } from "@preact/signals";

import { ApiError, api } from "../api";
import { Occupancy } from "../camera-grid";
import { now, serverNow } from "../clock";
import { EventRow } from "../event";
import { Icon } from "../icons";
import { t } from "../i18n";
import { cameras, loaded, mergeEvents, recent, stale } from "../live";
import { useLoad } from "../load";
import { type Camera, type CountRow, cameraKey, type Rule } from "../model";
import { CameraTag, Empty, Fact, Fault, WayTag } from "../parts";
import { Picture } from "../picture";
import { duration, moment, number, startOfDay } from "../time";
import { quantity, ruleOf } from "../words";

const REFRESH_MS = 10_000;
const EVENTS_SHOWN = 50;

export function CameraPage({ agent, id }: { agent: string; id: string }) {
  const key = cameraKey(agent, id);
  const asked = useLoad(key, async () => {
    try {
      return await api.camera(agent, id);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }, REFRESH_MS);
  // The stream tells of changes, the question every few seconds of rates: the picture newest of both.
  const camera = newer(asked.data, cameras.value.get(key));
  if (!camera) {
    if (asked.fault) return <Fault text={asked.fault} retry={asked.again} />;
    return <Empty>{t(loaded.value ? "camera.missing" : "loading")}</Empty>;
  }
  return (
    <div class="camera-page">
      <div class="stack">
        <CameraView camera={camera} />
        <Rules rules={camera.rules} />
      </div>
      <div class="stack">
        <section class="panel camera-state" aria-labelledby="camera-state-title">
          <h2 id="camera-state-title">{t("camera.state")}</h2>
          <StateFacts camera={camera} />
        </section>
        <Counts camera={camera} />
        <RecentEvents camera={camera} />
      </div>
    </div>
  );
}

function newer(asked: Camera | null, streamed: Camera | undefined): Camera | null {
  if (!asked || !streamed) return asked ?? streamed ?? null;
  const at = (camera: Camera) => Date.parse(camera.snapshot?.captured_at ?? "") || 0;
  const snapshot = at(streamed) > at(asked) ? streamed.snapshot : asked.snapshot;
  return { ...asked, state: streamed.state, problem: streamed.problem, occupancy: streamed.occupancy, snapshot };
}

function CameraView({ camera }: { camera: Camera }) {
  const overlay = useSignal(true);
  const { snapshot } = camera;
  const taken = snapshot ? moment(snapshot.captured_at, now.value) : "";
  return (
    <section class={`panel camera-view${camera.state === "live" && !stale.value ? "" : " not-now"}`} aria-labelledby="camera-title">
      <div class="panel-head">
        <h1 id="camera-title">{camera.name || camera.id}</h1>
        <CameraTag state={camera.state} />
        <label class="check">
          <input type="checkbox" checked={overlay.value} onChange={(e) => (overlay.value = e.currentTarget.checked)} />
          {t("camera.overlay")}
        </label>
      </div>
      <Picture
        sha256={snapshot?.sha256 ?? null}
        alt={snapshot ? t("camera.snapshot.alt", { name: camera.name, time: taken }) : ""}
        size={camera}
        rules={overlay.value ? camera.rules : []}
        labels
      />
      <p class="caption">
        {snapshot ? (
          <>
            {t("camera.snapshot", { time: taken })} ({t("ago", { d: duration(now.value - Date.parse(snapshot.captured_at)) })}) ·{" "}
            {t(snapshot.masked ? "camera.masked" : "camera.unmasked")}
          </>
        ) : (
          t("camera.snapshot.none")
        )}
      </p>
    </section>
  );
}

function StateFacts({ camera }: { camera: Camera }) {
  const seen = camera.state === "live" && !stale.value;
  const frames = [camera.frames_decoded, camera.frames_analysed, camera.frames_dropped];
  return (
    <dl class="facts">
      <Fact name={t("camera.state")}>
        <CameraTag state={camera.state} />
      </Fact>
      {camera.problem ? <Fact name={t("camera.problem")}>{camera.problem}</Fact> : null}
      <Fact name={t("camera.fps")}>
        {seen && camera.analysed_per_second !== null ? number(camera.analysed_per_second, 1) : t("unknown")}
      </Fact>
      <Fact name={t("camera.frames")}>{frames.map((n) => quantity(n)).join(" / ")}</Fact>
      <Fact name={t("camera.size")}>{camera.width > 0 ? `${camera.width} × ${camera.height}` : t("unknown")}</Fact>
      <Fact name={t("camera.box")}>
        <a href="#/boxes">{camera.agent}</a> / {camera.id}
      </Fact>
      {camera.occupancy.length > 0 ? (
        <Fact name={t("camera.occupancy")}>
          <Occupancy camera={camera} />
        </Fact>
      ) : null}
    </dl>
  );
}

function Rules({ rules }: { rules: Rule[] }) {
  return (
    <section class="panel" aria-labelledby="camera-rules-title">
      <h2 id="camera-rules-title">{t("camera.rules")}</h2>
      {rules.length === 0 ? <Empty>{t("camera.rules.none")}</Empty> : null}
      <ul class="rules">
        {rules.map((rule) => (
          <li key={rule.rule} class={`rule-${rule.kind}`}>
            <Icon name={rule.kind === "line" ? "line" : rule.kind === "zone" ? "zone" : "hand"} />
            <span>
              {rule.label}
              <span class="hint">
                {t(`shape.${rule.kind}`)}
                {rule.dwell_limit_seconds !== null
                  ? ` · ${t("shape.dwell", { d: duration(rule.dwell_limit_seconds * 1000) })}`
                  : ""}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Counts({ camera }: { camera: Camera }) {
  const since = startOfDay(serverNow());
  const asked = useLoad(
    `${cameraKey(camera.agent, camera.id)} ${since}`,
    () => api.counts(camera.agent, camera.id, since),
    REFRESH_MS,
  );
  const lines = camera.rules.some((rule) => rule.kind === "line");
  const rows = asked.data?.items ?? [];
  return (
    <section class="panel camera-counts" aria-labelledby="camera-counts-title">
      <h2 id="camera-counts-title">{t("camera.counts")}</h2>
      {asked.fault ? <Fault text={asked.fault} retry={asked.again} /> : null}
      {rows.length > 0 ? <CountTable camera={camera} rows={rows} /> : null}
      {rows.length === 0 && !asked.fault ? (
        <Empty>{t(!asked.data ? "loading" : lines ? "camera.counts.empty" : "camera.counts.none")}</Empty>
      ) : null}
    </section>
  );
}

function CountTable({ camera, rows }: { camera: Camera; rows: CountRow[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("camera.counts.line")}</th>
          <th scope="col">{t("camera.counts.way")}</th>
          <th scope="col" class="number">
            {t("camera.counts.count")}
          </th>
          <th scope="col">{t("camera.counts.observed")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={`${row.rule} ${row.direction}`}>
            <td>{ruleOf(camera, row.rule)?.label ?? row.rule}</td>
            <td>
              <WayTag direction={row.direction} rule={row.rule} camera={camera} />
            </td>
            <td class={`number${row.count === null ? " not-known" : " big"}`}>{quantity(row.count, row.count_at_least)}</td>
            <td>
              {t("camera.counts.observed.of", {
                seen: duration(row.observed_seconds * 1000),
                whole: duration(row.window_seconds * 1000),
              })}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function RecentEvents({ camera }: { camera: Camera }) {
  const { agent, id } = camera;
  const asked = useLoad(cameraKey(agent, id), () => api.events({ agent, camera: id }, null, EVENTS_SHOWN));
  const streamed = recent.value.filter((event) => event.agent === agent && event.camera === id);
  const list = mergeEvents(streamed, asked.data?.items ?? []).slice(0, EVENTS_SHOWN);
  return (
    <section class="panel camera-events" aria-labelledby="camera-events-title">
      <h2 id="camera-events-title">{t("camera.events")}</h2>
      {asked.fault ? <Fault text={asked.fault} retry={asked.again} /> : null}
      {list.length === 0 && !asked.fault ? <Empty>{t(asked.data ? "now.live.none" : "loading")}</Empty> : null}
      <ol class="event-list">
        {list.map((event) => (
          <EventRow key={event.id} event={event} place={false} />
        ))}
      </ol>
    </section>
  );
}
