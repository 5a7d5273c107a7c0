// Small pieces that several pages show.
import type { ComponentChildren } from "preact";

import { now } from "./clock";
import { Icon, type IconName, severityIcon, WayIcon } from "./icons";
import { t, tOr } from "./i18n";
import { stale } from "./live";
import type { Agent, Alert, Camera, Direction, Severity } from "./model";
import { duration, latency, moment } from "./time";
import { severityName, way } from "./words";

/** A time with its age beside, which counts on by itself. */
export function Age({ at }: { at: string }) {
  return <time dateTime={at}>{t("ago", { d: duration(now.value - Date.parse(at)) })}</time>;
}

/** The bare age, where room is short and an icon says of what. */
export function ShortAge({ at }: { at: string }) {
  const age = duration(now.value - Date.parse(at));
  return (
    <time dateTime={at} title={t("ago", { d: age })}>
      {age}
    </time>
  );
}

export function Moment({ at }: { at: string | null }) {
  if (!at) return <>{t("never")}</>;
  return <time dateTime={at}>{moment(at, now.value)}</time>;
}

/** From `from` until `to`, or until now while it lasts. */
export function Lasted({ from, to }: { from: string; to: string | null }) {
  return <>{duration((to ? Date.parse(to) : now.value) - Date.parse(from))}</>;
}

export function SeverityTag({ severity }: { severity: Severity }) {
  return (
    <span class={`severity severity-${severity}`}>
      <Icon name={severityIcon(severity)} />
      {severityName(severity)}
    </span>
  );
}

const CONDITION_ICON: Record<Alert["condition"], IconName> = { active: "play", cleared: "check", unknown: "question" };

export function ConditionTag({ condition }: { condition: Alert["condition"] }) {
  return (
    <span class={`tag condition-${condition}`}>
      <Icon name={CONDITION_ICON[condition] ?? "question"} />
      {tOr("condition", condition, condition)}
    </span>
  );
}

const CAMERA_ICON: Record<Camera["state"], IconName> = {
  live: "check",
  connecting: "dots",
  lost: "cross",
  unknown: "question",
};

/** While the page is cut off nothing is known to be live: the last state is told as such. */
export function CameraTag({ state }: { state: Camera["state"] }) {
  const shown = stale.value ? "unknown" : state;
  const told = tOr("camera", state, state);
  return (
    <span class={`tag camera-${shown}`} title={stale.value ? t("last_known", { state: told }) : undefined}>
      <Icon name={CAMERA_ICON[shown] ?? "question"} />
      {tOr("camera", shown, shown)}
    </span>
  );
}

const AGENT_ICON: Record<Agent["state"], IconName> = { online: "check", silent: "cross", never: "dots" };

export function AgentTag({ state }: { state: Agent["state"] }) {
  if (stale.value) {
    return (
      <span class="tag camera-unknown" title={t("last_known", { state: tOr("agent", state, state) })}>
        <Icon name="question" />
        {t("unknown")}
      </span>
    );
  }
  return (
    <span class={`tag agent-${state}`}>
      <Icon name={AGENT_ICON[state] ?? "question"} />
      {tOr("agent", state, state)}
    </span>
  );
}

export function WayTag(props: { direction: Direction | null; rule: string; camera: Camera | undefined }) {
  const told = way(props.direction, props.rule, props.camera);
  if (!told) return null;
  return (
    <span class="way">
      {told.heading ? <WayIcon heading={told.heading} /> : null}
      {told.words}
    </span>
  );
}

export function Latency({ captured, stored }: { captured: string; stored: string }) {
  return (
    <span class="latency number" title={t("events.latency.help")}>
      {latency(captured, stored)}
    </span>
  );
}

/** Something failed: said as such, never shown as an empty list. */
export function Fault({ text, retry }: { text: string; retry?: () => void }) {
  return (
    <div class="fault" role="alert">
      <Icon name="cross" />
      <span>{text}</span>
      {retry ? (
        <button type="button" onClick={retry}>
          {t("retry")}
        </button>
      ) : null}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
