// A camera's picture with its lines, zones and objects drawn over it, in the picture's own coordinates.
import { useId, useState } from "preact/hooks";

import { api } from "./api";
import { Icon } from "./icons";
import { t } from "./i18n";
import type { Rule, SeenObject } from "./model";
import { arrowHead, labelAnchor, lineArrow, pointsAttribute, type Size, toPixels } from "./overlay";
import { className } from "./words";

/** Until a box has told its camera's size. */
const SIZE_ASSUMED: Size = { width: 1280, height: 720 };
/** Labels that start right of this reach to the left, to stay in the picture. */
const LABEL_TURNS_AT = 0.6;
/** A line's label stands above its end, unless the picture ends there. */
const LABEL_FITS_ABOVE = 0.08;

export interface PictureProps {
  sha256: string | null;
  alt: string;
  /** Of the camera's picture, in pixels; 0 when not known. */
  size: Size;
  rules?: readonly Rule[];
  objects?: readonly SeenObject[];
  /** The rule of the event that is shown; the others step back. */
  highlight?: string;
  labels?: boolean;
  lazy?: boolean;
  /** Said in place of a picture that there is none of. */
  missing?: string;
}

export function Picture(props: PictureProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const [natural, setNatural] = useState<Size | null>(null);
  const known = props.size.width > 0 && props.size.height > 0 ? props.size : SIZE_ASSUMED;
  const size = natural ?? known;
  const failed = props.sha256 !== null && broken === props.sha256;
  return (
    <div class="picture">
      <div class="frame" style={{ aspectRatio: `${size.width} / ${size.height}`, "--ratio": size.width / size.height }}>
        {props.sha256 && !failed ? (
          <img
            src={api.evidenceUrl(props.sha256)}
            alt={props.alt}
            decoding="async"
            loading={props.lazy ? "lazy" : "eager"}
            onLoad={({ currentTarget: img }) => {
              const { naturalWidth: width, naturalHeight: height } = img;
              if (width > 0 && height > 0 && (width !== size.width || height !== size.height)) setNatural({ width, height });
            }}
            onError={() => setBroken(props.sha256)}
          />
        ) : (
          <div class="no-picture">
            <Icon name="image" />
            {failed ? t("camera.snapshot.broken") : (props.missing ?? t("camera.snapshot.none"))}
          </div>
        )}
        <Overlay {...props} size={size} />
      </div>
    </div>
  );
}

function Overlay({ size, rules = [], objects = [], highlight, labels }: PictureProps) {
  const hatch = useId();
  if (rules.length === 0 && objects.length === 0) return null;
  const quiet = (rule: string) => (highlight !== undefined && highlight !== rule ? " quiet" : "");
  return (
    <>
      <svg class="overlay" viewBox={`0 0 ${size.width} ${size.height}`} aria-hidden="true">
        <defs>
          <pattern id={hatch} width={size.height / 28} height={size.height / 28} patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect class="hatch" width={size.height / 90} height={size.height / 28} />
          </pattern>
        </defs>
        {rules.map((rule) => (
          <g key={rule.rule} class={`shape shape-${rule.kind}${quiet(rule.rule)}`}>
            {rule.kind === "line" ? <Line rule={rule} size={size} /> : <Area rule={rule} size={size} hatch={hatch} />}
          </g>
        ))}
        {objects.map((object) => (
          <ObjectBox key={object.track} object={object} size={size} />
        ))}
      </svg>
      {labels ? rules.map((rule) => <Label key={rule.rule} rule={rule} quiet={quiet(rule.rule)} />) : null}
      {labels ? objects.map((object) => <ObjectLabel key={object.track} object={object} />) : null}
    </>
  );
}

/** The line from its first point (dot), and arrows across it both ways: it counts each apart. */
function Line({ rule, size }: { rule: Rule; size: Size }) {
  const points = pointsAttribute(rule.points, size);
  const first = rule.points[0];
  const foot = first ? toPixels(first, size) : null;
  const head = Math.min(size.width, size.height) / 28;
  return (
    <>
      <polyline class="halo" points={points} />
      <polyline class="ink" points={points} />
      {foot ? <circle class="dot" cx={foot[0]} cy={foot[1]} r={head / 2.4} /> : null}
      {(["to_right", "to_left"] as const).map((direction) => {
        const arrow = lineArrow(rule.points, direction, size);
        if (!arrow) return null;
        const [x1, y1] = arrow.from;
        const [x2, y2] = arrow.to;
        const corners = arrowHead(arrow, head).map((p) => p.join(",")).join(" ");
        return (
          <g key={direction}>
            <line class="halo" x1={x1} y1={y1} x2={x2} y2={y2} />
            <polygon class="head" points={corners} />
            <line class="ink" x1={x1} y1={y1} x2={x2} y2={y2} />
          </g>
        );
      })}
    </>
  );
}

function Area({ rule, size, hatch }: { rule: Rule; size: Size; hatch: string }) {
  const points = pointsAttribute(rule.points, size);
  return (
    <>
      <polygon class="fill" points={points} />
      {rule.kind === "intrusion" ? <polygon points={points} style={{ fill: `url(#${hatch})` }} /> : null}
      <polygon class="halo" points={points} />
      <polygon class="ink" points={points} />
    </>
  );
}

function ObjectBox({ object, size }: { object: SeenObject; size: Size }) {
  const [left, top, width, height] = object.box;
  const place = { x: left * size.width, y: top * size.height, width: width * size.width, height: height * size.height };
  return (
    <g class="shape object">
      <rect class="halo" {...place} />
      <rect class="ink" {...place} />
    </g>
  );
}

function Label({ rule, quiet }: { rule: Rule; quiet: string }) {
  const [x, y] = labelAnchor(rule.points);
  const turned = x > LABEL_TURNS_AT ? " turned" : "";
  const above = rule.kind === "line" && y > LABEL_FITS_ABOVE ? " above" : "";
  return (
    <span class={`label label-${rule.kind}${turned}${above}${quiet}`} style={{ left: `${x * 100}%`, top: `${y * 100}%` }}>
      <Icon name={rule.kind === "line" ? "line" : rule.kind === "zone" ? "zone" : "hand"} />
      {rule.label}
    </span>
  );
}

function ObjectLabel({ object }: { object: SeenObject }) {
  const [left, top] = object.box;
  const x = Math.min(0.98, Math.max(0, left));
  const y = Math.min(0.98, Math.max(0.05, top));
  const turned = x > LABEL_TURNS_AT ? " turned" : "";
  return (
    <span class={`label label-object${turned}`} style={{ left: `${x * 100}%`, top: `${y * 100}%` }}>
      {className(object.class)} {Math.round(object.score * 100)}%
    </span>
  );
}
