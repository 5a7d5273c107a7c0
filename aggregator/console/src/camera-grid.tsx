// The cameras, each with its last picture. Those in trouble come first.
import { useComputed, useSignal } from "@preact/signals";

import { now } from "./clock";
import { Icon } from "./icons";
import { t } from "./i18n";
import { cameras, link, loaded, stale } from "./live";
import { type Camera, cameraKey } from "./model";
import { CameraTag, Empty, ShortAge } from "./parts";
import { Picture } from "./picture";
import { cameraHref } from "./router";
import { moment, number } from "./time";
import { quantity, ruleOf } from "./words";

const SHOWN_AT_FIRST = 24;
/** A picture older than this is said to be old. */
const SNAPSHOT_OLD_MS = 180_000;
const TROUBLE: Record<Camera["state"], number> = { lost: 0, unknown: 1, connecting: 2, live: 3 };

const alphabet = new Intl.Collator("vi");
const byTrouble = (a: Camera, b: Camera) =>
  (TROUBLE[a.state] ?? 1) - (TROUBLE[b.state] ?? 1) || alphabet.compare(a.name, b.name);

/** Without diacritics and case, so that "cong" finds "Cổng". */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();
}

export function CameraGrid() {
  const find = useSignal("");
  const shown = useSignal(SHOWN_AT_FIRST);
  const matching = useComputed(() => {
    const wanted = plain(find.value.trim());
    const all = [...cameras.value.values()].sort(byTrouble);
    return wanted === "" ? all : all.filter((c) => plain(`${c.name} ${c.id} ${c.agent}`).includes(wanted));
  });
  const list = matching.value.slice(0, shown.value);
  const rest = matching.value.length - list.length;
  const total = cameras.value.size;
  return (
    <section class="panel now-cameras" aria-labelledby="now-cameras-title">
      <div class="panel-head">
        <h2 id="now-cameras-title">
          {t("now.cameras")} <span class="count">{loaded.value ? total : "–"}</span>
        </h2>
        <label class="find">
          <span class="unseen">{t("now.cameras.find")}</span>
          <input
            type="search"
            placeholder={t("now.cameras.find")}
            value={find.value}
            onInput={(e) => (find.value = e.currentTarget.value)}
          />
        </label>
      </div>
      <div class="panel-body">
        {list.length === 0 ? <NoCameras any={total > 0} /> : null}
        <ul class="camera-grid">
          {list.map((camera) => (
            <CameraTile key={cameraKey(camera.agent, camera.id)} camera={camera} />
          ))}
        </ul>
        {rest > 0 ? (
          <button type="button" class="more" onClick={() => (shown.value += SHOWN_AT_FIRST)}>
            {t("more", { n: Math.min(rest, SHOWN_AT_FIRST) })}
          </button>
        ) : null}
      </div>
    </section>
  );
}

function NoCameras({ any }: { any: boolean }) {
  if (!loaded.value) return <Empty>{t(link.value.state === "down" ? "unknown" : "loading")}</Empty>;
  return <Empty>{t(any ? "now.cameras.no_match" : "now.cameras.none")}</Empty>;
}

function CameraTile({ camera }: { camera: Camera }) {
  const snapshot = camera.snapshot;
  const old = snapshot !== null && now.value - Date.parse(snapshot.captured_at) > SNAPSHOT_OLD_MS;
  const alt = snapshot ? t("camera.snapshot.alt", { name: camera.name, time: moment(snapshot.captured_at, now.value) }) : "";
  return (
    <li>
      <a class={`camera-tile${camera.state === "live" && !stale.value ? "" : " troubled"}`} href={cameraHref(camera.agent, camera.id)}>
        <Picture sha256={snapshot?.sha256 ?? null} alt={alt} size={camera} rules={snapshot ? camera.rules : []} lazy />
        <span class="tile-name" title={camera.name}>
          {camera.name || camera.id}
        </span>
        <span class="tile-row">
          <CameraTag state={camera.state} />
          <FrameRate camera={camera} />
          {snapshot ? (
            <span class={`tile-age${old ? " old" : ""}`}>
              <Icon name="image" label={t("camera.snapshot.age")} />
              <ShortAge at={snapshot.captured_at} />
            </span>
          ) : null}
        </span>
        {camera.problem ? <span class="problem">{camera.problem}</span> : null}
        <Occupancy camera={camera} />
      </a>
    </li>
  );
}

function FrameRate({ camera }: { camera: Camera }) {
  const rate = camera.analysed_per_second;
  if (camera.state !== "live" || stale.value || rate === null) return null;
  return <span class="number">{number(rate, 1)} fps</span>;
}

/** How many are in each zone. Not seen now is not known, and never 0. */
export function Occupancy({ camera }: { camera: Camera }) {
  if (camera.occupancy.length === 0) return null;
  return (
    <span class="occupancy">
      {camera.occupancy.map((zone) => {
        const value = camera.state === "live" && !stale.value ? zone.value : null;
        return (
          <span key={zone.rule} class={`chip${value === null ? " not-known" : ""}`}>
            {t("camera.occupancy.in", { label: ruleOf(camera, zone.rule)?.label ?? zone.rule, n: quantity(value) })}
          </span>
        );
      })}
    </span>
  );
}
