// One alert: as a row of a list, and in full with its picture, its story and the acknowledgement.
import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError, api, errorWords } from "./api";
import { now } from "./clock";
import { showEvent } from "./event";
import { Icon, kindIcon } from "./icons";
import { t, tOr } from "./i18n";
import { useKeys } from "./keys";
import { cameras, putAlert } from "./live";
import { type Alert, type Camera, cameraKey, type VongEvent } from "./model";
import { Age, ConditionTag, Fact, Fault, Lasted, Moment, SeverityTag } from "./parts";
import { Picture } from "./picture";
import { cameraHref, href } from "./router";
import { mayAcknowledge, session } from "./session";
import { moment } from "./time";
import { alertPhrase, placeName } from "./words";

export function cameraOf(alert: { agent: string; camera: string }): Camera | undefined {
  return cameras.value.get(cameraKey(alert.agent, alert.camera));
}

export const alertRowId = (id: string) => `alert-${id}`;

interface RowProps {
  alert: Alert;
  selected: boolean;
  onSelect: (id: string) => void;
}

export function AlertRow({ alert, selected, onSelect }: RowProps) {
  const camera = cameraOf(alert);
  const newest = alert.evidence[0];
  return (
    <li>
      <button
        type="button"
        id={alertRowId(alert.id)}
        class={`alert-row edge-${alert.severity}${alert.acknowledged ? " taken" : ""}`}
        aria-current={selected ? "true" : undefined}
        onClick={() => onSelect(alert.id)}
      >
        <span class="thumb">
          {newest ? <img src={api.evidenceUrl(newest)} alt="" loading="lazy" decoding="async" /> : <Icon name={kindIcon(alert.kind)} />}
        </span>
        <span class="alert-text">
          <span class="alert-what">{alertPhrase(alert, camera)}</span>
          <span class="alert-where">
            <span>
              {placeName(alert.agent, alert.camera, camera)}
              {alert.occurrences > 1 ? ` · ${t("alert.occurrences.short", { n: alert.occurrences })}` : ""}
            </span>
            <Age at={alert.raised_at} />
          </span>
          <span class="alert-state">
            <SeverityTag severity={alert.severity} />
            <ConditionTag condition={alert.condition} />
            <AckMark alert={alert} />
          </span>
        </span>
      </button>
    </li>
  );
}

/** Who took it. What nobody took stands in bold, which a screen reader is told in words. */
function AckMark({ alert }: { alert: Alert }) {
  if (!alert.acknowledged) return <span class="unseen">{t("alert.unacknowledged")}</span>;
  return (
    <span class="ack-by">
      <Icon name="check" />
      <span class="unseen">{t("alert.acknowledged")}</span> {alert.acknowledged.by}
    </span>
  );
}

/** The event that last changed the alert: it holds the objects to draw on its picture. */
function useLastEvent(id: string | null): VongEvent | null {
  const [event, setEvent] = useState<VongEvent | null>(null);
  useEffect(() => {
    let current = true;
    setEvent(null);
    // Without it the picture is shown without boxes, which says nothing wrong.
    if (id) api.event(id).then((found) => current && setEvent(found), () => undefined);
    return () => {
      current = false;
    };
  }, [id]);
  return event;
}

export function AlertDetail({ alert }: { alert: Alert }) {
  const camera = cameraOf(alert);
  const what = alertPhrase(alert, camera);
  return (
    <article class={`alert-detail edge-${alert.severity}${alert.evidence.length === 0 ? " bare" : ""}`} aria-label={t("now.detail")}>
      <AlertPicture alert={alert} camera={camera} what={what} />
      <div class="alert-side">
        <header>
          <div class="alert-state">
            <SeverityTag severity={alert.severity} />
            <ConditionTag condition={alert.condition} />
          </div>
          <h2>{what}</h2>
          <p class="alert-links">
            {placeName(alert.agent, alert.camera, camera)}
            {alert.camera ? (
              <>
                {" · "}
                <a href={cameraHref(alert.agent, alert.camera)}>{t("alert.open_camera")}</a>
                {" · "}
                <a href={href(["events"], { agent: alert.agent, camera: alert.camera })}>{t("alert.events")}</a>
              </>
            ) : null}
          </p>
        </header>
        <Acknowledge key={alert.id} alert={alert} />
        <dl class="facts in-line">
          <Fact name={t("alert.raised")}>
            <Moment at={alert.raised_at} />
          </Fact>
          <Fact name={t("alert.duration")}>
            {alert.condition === "unknown" ? t("unknown") : <Lasted from={alert.raised_at} to={alert.cleared_at} />}
          </Fact>
          {alert.cleared_at ? (
            <Fact name={t("alert.cleared")}>
              <Moment at={alert.cleared_at} />
            </Fact>
          ) : null}
          <Fact name={t("alert.occurrences")}>{alert.occurrences}</Fact>
        </dl>
        <h3 class="minor-title">{t("alert.history")}</h3>
        <History alert={alert} />
      </div>
    </article>
  );
}

function AlertPicture({ alert, camera, what }: { alert: Alert; camera: Camera | undefined; what: string }) {
  const event = useLastEvent(alert.last_event);
  const ofEvent = event?.evidence.find((e) => alert.evidence.includes(e.sha256))?.sha256;
  const shown = ofEvent ?? alert.evidence[0] ?? null;
  const picture = (
    <Picture
      sha256={shown}
      alt={t("event.evidence.alt", { what })}
      size={{ width: camera?.width ?? 0, height: camera?.height ?? 0 }}
      rules={shown ? (camera?.rules ?? []) : []}
      objects={ofEvent && event ? event.objects : []}
      highlight={alert.rule}
      missing={t("alert.no_evidence")}
    />
  );
  if (!event || !shown) return <div class="alert-picture">{picture}</div>;
  return (
    <button type="button" class="alert-picture" aria-label={t("events.open")} onClick={() => showEvent(event)}>
      {picture}
    </button>
  );
}

function History({ alert }: { alert: Alert }) {
  return (
    <ol class="history">
      {alert.history.map((step, i) => (
        <li key={`${step.at} ${i}`} class={`step step-${step.action}`}>
          <time dateTime={step.at}>{moment(step.at, now.value)}</time>
          <span>
            {tOr("action", step.action, step.action)}
            <span class="actor"> — {tOr("actor", step.actor, step.actor)}</span>
            {step.note ? <q>{step.note}</q> : null}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** As the centre bounds it. */
const NOTE_LENGTH_MAX = 1000;

function Acknowledge({ alert }: { alert: Alert }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState("");
  const form = useRef<HTMLFormElement>(null);
  const field = useRef<HTMLInputElement>(null);
  useKeys({ a: () => form.current?.requestSubmit(), n: () => field.current?.focus() });
  const taken = alert.acknowledged;
  if (taken) {
    return (
      <p class="acknowledged">
        <Icon name="check" />
        <span>
          {t("alert.acknowledged.by", { by: taken.by, time: moment(taken.at, now.value) })}
          {taken.note ? <q>{taken.note}</q> : null}
        </span>
      </p>
    );
  }
  const role = session.value?.user.role ?? "viewer";
  if (!mayAcknowledge()) return <p class="hint">{t("alert.role", { role: t(`role.${role}`) })}</p>;
  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFault(await acknowledge(alert.id, note));
    setBusy(false);
  };
  return (
    <form ref={form} class="acknowledge" onSubmit={submit}>
      <label class="note">
        <span class="unseen">{t("alert.note")}</span>
        <input
          ref={field}
          name="note"
          value={note}
          maxLength={NOTE_LENGTH_MAX}
          placeholder={t("alert.note")}
          onInput={(e) => setNote(e.currentTarget.value)}
          onKeyDown={(e) => e.key === "Escape" && e.currentTarget.blur()}
        />
      </label>
      <button type="submit" class="primary" disabled={busy}>
        {busy ? t("alert.acknowledge.busy") : t("alert.acknowledge.long")}
        <kbd>a</kbd>
      </button>
      {fault ? <Fault text={fault} /> : null}
    </form>
  );
}

/** Empty when it was done, else why not, in words. */
async function acknowledge(id: string, note: string): Promise<string> {
  try {
    putAlert(await api.acknowledge(id, note.trim()));
    return "";
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) {
      // Somebody else was first: show who.
      await api.alert(id).then(putAlert, () => undefined);
    }
    return errorWords(error);
  }
}
