// One event: as a row of a list, and in a dialogue with its picture and all that is known of it.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { classIcon, Icon } from "./icons";
import { t, tOr } from "./i18n";
import { cameras } from "./live";
import { cameraKey, type VongEvent } from "./model";
import { Fact, Latency, Moment, SeverityTag, WayTag } from "./parts";
import { Picture } from "./picture";
import { cameraHref } from "./router";
import { clockTime, latency, number } from "./time";
import { className, eventPhrase, kindName, placeName, quantity } from "./words";

const shown = signal<VongEvent | null>(null);

export function showEvent(event: VongEvent): void {
  shown.value = event;
}

/** Closes what is open when the page changes under it. */
export function hideEvent(): void {
  shown.value = null;
}

export function cameraOfEvent(event: VongEvent) {
  return cameras.value.get(cameraKey(event.agent, event.camera));
}

export function EventIcon({ event }: { event: VongEvent }) {
  const first = event.objects[0]?.class;
  return <Icon name={classIcon(first, event.kind)} />;
}

/** A row of the live list; `place` is left out on the page of one camera. */
export function EventRow({ event, place }: { event: VongEvent; place: boolean }) {
  const camera = cameraOfEvent(event);
  return (
    <li>
      <button type="button" class={`event-row edge-${event.severity}`} onClick={() => showEvent(event)}>
        <EventIcon event={event} />
        <span class="event-text">
          <span class="event-what">
            {eventPhrase(event, camera)} <WayTag direction={event.direction} rule={event.rule} camera={camera} />
          </span>
          <span class="event-where">
            {place ? placeName(event.agent, event.camera, camera) : kindName(event.kind)}
            {event.evidence.length > 0 ? <Icon name="image" label={t("events.evidence")} /> : null}
          </span>
        </span>
        <span class="event-when">
          <time dateTime={event.captured_at}>{clockTime(event.captured_at)}</time>
          <Latency captured={event.captured_at} stored={event.stored_at} />
        </span>
      </button>
    </li>
  );
}

export function EventDialog() {
  const event = shown.value;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (event && dialog.current && !dialog.current.open) dialog.current.showModal();
  }, [event]);
  if (!event) return null;
  const camera = cameraOfEvent(event);
  const what = eventPhrase(event, camera);
  return (
    <dialog ref={dialog} class="event-dialog" aria-labelledby="event-dialog-title" onClose={hideEvent}>
      <div class="dialog-head">
        <h2 id="event-dialog-title">{what}</h2>
        <button type="button" onClick={() => dialog.current?.close()}>
          <Icon name="cross" />
          {t("close")}
        </button>
      </div>
      <div class="event-body">
        <EventPicture event={event} what={what} />
        <EventFacts event={event} />
      </div>
    </dialog>
  );
}

function EventPicture({ event, what }: { event: VongEvent; what: string }) {
  const camera = cameraOfEvent(event);
  const picture = event.evidence.find((e) => e.media_type.startsWith("image/"));
  if (!picture) return null;
  return (
    <figure>
      <Picture
        sha256={picture.sha256}
        alt={t("event.evidence.alt", { what })}
        size={{ width: camera?.width ?? 0, height: camera?.height ?? 0 }}
        rules={camera?.rules ?? []}
        objects={event.objects}
        highlight={event.rule}
        labels
      />
      <figcaption>
        {t("camera.snapshot", { time: clockTime(event.captured_at) })} · {t(picture.masked ? "camera.masked" : "camera.unmasked")}
      </figcaption>
    </figure>
  );
}

function EventFacts({ event }: { event: VongEvent }) {
  const camera = cameraOfEvent(event);
  const measures = Object.entries(event.measures);
  return (
    <dl class="facts">
      <Fact name={t("events.kind")}>
        {kindName(event.kind)} ({t(`phase.${event.phase}`)})
      </Fact>
      <Fact name={t("severity")}>
        <SeverityTag severity={event.severity} />
      </Fact>
      <Fact name={t("events.camera")}>
        <a href={cameraHref(event.agent, event.camera)} onClick={hideEvent}>
          {placeName(event.agent, event.camera, camera)}
        </a>
      </Fact>
      {event.direction ? (
        <Fact name={t("events.way")}>
          <WayTag direction={event.direction} rule={event.rule} camera={camera} /> ({t(`side.${event.direction}`)})
        </Fact>
      ) : null}
      <Fact name={t("event.captured")}>
        <Moment at={event.captured_at} />
      </Fact>
      <Fact name={t("event.stored")}>
        <Moment at={event.stored_at} /> (+{latency(event.captured_at, event.stored_at)})
      </Fact>
      <Fact name={t("event.uncertainty")}>± {number(event.uncertainty_ms)} ms</Fact>
      {event.objects.length > 0 ? (
        <Fact name={t("event.objects")}>
          {event.objects.map((o) => (
            <span key={o.track} class="object-line">
              {className(o.class)} {Math.round(o.score * 100)}% · {t("event.track", { n: o.track })}
            </span>
          ))}
        </Fact>
      ) : null}
      {measures.map(([name, value]) => (
        <Fact key={name} name={tOr("measure", name, name)}>
          {quantity(value)}
        </Fact>
      ))}
      <Fact name={t("event.id")}>
        <code>{event.id}</code>
      </Fact>
    </dl>
  );
}
