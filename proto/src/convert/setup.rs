use scene::{
    Point,
    spec::{Shape, ShapeKind},
};

use super::{At, DecodeError, Fault, count, name, number, slug, text};
use crate::{
    limits::{
        CONFIG_VERSION_BYTES_MAX, DWELL_LIMIT_SECONDS_MAX, NAME_BYTES_MAX, PICTURE_SIDE_MAX,
        POINTS_MAX, RULES_MAX,
    },
    v1,
};

/// What a camera is and watches; never an address or a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSetup {
    /// The camera's name, unique within the agent.
    pub camera: String,
    /// What people call it.
    pub name: String,
    /// Pixels; 0 until the first picture came.
    pub width: u32,
    /// Pixels; 0 until the first picture came.
    pub height: u32,
    /// What is watched for.
    pub rules: Vec<RuleShape>,
    /// Of the configuration in force.
    pub config_version: String,
    /// The camera is no longer configured.
    pub removed: bool,
}

/// A rule's geometry, for people to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleShape {
    /// The rule's name.
    pub rule: String,
    /// What people call it.
    pub label: String,
    /// Line, zone or intrusion.
    pub kind: ShapeKind,
    /// Within the picture.
    pub points: Vec<Point>,
    /// Zones only, where one is set.
    pub dwell_limit_seconds: Option<f64>,
}

impl From<Shape<'_>> for RuleShape {
    fn from(shape: Shape<'_>) -> Self {
        Self {
            rule: shape.rule.to_owned(),
            label: shape.label.to_owned(),
            kind: shape.kind,
            points: shape.points.to_vec(),
            dwell_limit_seconds: shape.dwell_limit_seconds,
        }
    }
}

impl From<CameraSetup> for v1::CameraSetup {
    fn from(setup: CameraSetup) -> Self {
        Self {
            camera: setup.camera,
            name: setup.name,
            width: setup.width,
            height: setup.height,
            rules: setup.rules.into_iter().map(Into::into).collect(),
            config_version: setup.config_version,
            removed: setup.removed,
        }
    }
}

impl TryFrom<v1::CameraSetup> for CameraSetup {
    type Error = DecodeError;

    fn try_from(wire: v1::CameraSetup) -> Result<Self, DecodeError> {
        count(wire.rules.len(), RULES_MAX).at("camera.rules")?;
        let mut rules = Vec::<RuleShape>::with_capacity(wire.rules.len());
        for (index, wire) in wire.rules.into_iter().enumerate() {
            let rule = rule_shape(wire, index)?;
            if rules.iter().any(|earlier| earlier.rule == rule.rule) {
                return Err(Fault::Repeated).at_index("camera.rules", index, ".rule");
            }
            rules.push(rule);
        }
        Ok(Self {
            camera: slug(wire.camera).at("camera.camera")?,
            name: name(wire.name, NAME_BYTES_MAX).at("camera.name")?,
            width: side(wire.width).at("camera.width")?,
            height: side(wire.height).at("camera.height")?,
            rules,
            config_version: text(wire.config_version, CONFIG_VERSION_BYTES_MAX)
                .at("camera.config_version")?,
            removed: wire.removed,
        })
    }
}

impl From<RuleShape> for v1::RuleShape {
    fn from(shape: RuleShape) -> Self {
        let kind = match shape.kind {
            ShapeKind::Line => v1::ShapeKind::Line,
            ShapeKind::Zone => v1::ShapeKind::Zone,
            ShapeKind::Intrusion => v1::ShapeKind::Intrusion,
        };
        Self {
            rule: shape.rule,
            label: shape.label,
            kind: kind.into(),
            points: shape
                .points
                .iter()
                .map(|p| v1::Point { x: p.x, y: p.y })
                .collect(),
            dwell_limit_seconds: shape.dwell_limit_seconds,
        }
    }
}

fn rule_shape(wire: v1::RuleShape, index: usize) -> Result<RuleShape, DecodeError> {
    let list = "camera.rules";
    let kind = match v1::ShapeKind::try_from(wire.kind) {
        Ok(v1::ShapeKind::Line) => Ok(ShapeKind::Line),
        Ok(v1::ShapeKind::Zone) => Ok(ShapeKind::Zone),
        Ok(v1::ShapeKind::Intrusion) => Ok(ShapeKind::Intrusion),
        Ok(v1::ShapeKind::Unspecified) => Err(Fault::Missing),
        Err(prost::UnknownEnumValue(value)) => Err(Fault::UnknownValue(value)),
    };
    count(wire.points.len(), POINTS_MAX).at_index(list, index, ".points")?;
    let points = wire.points.into_iter().map(|point| {
        let point = Point::new(point.x, point.y);
        if point.is_in_picture() {
            Ok(point)
        } else {
            Err(Fault::OutOfRange)
        }
    });
    let limit = wire
        .dwell_limit_seconds
        .map(|limit| number(limit, DWELL_LIMIT_SECONDS_MAX));
    Ok(RuleShape {
        rule: slug(wire.rule).at_index(list, index, ".rule")?,
        label: name(wire.label, NAME_BYTES_MAX).at_index(list, index, ".label")?,
        kind: kind.at_index(list, index, ".kind")?,
        points: points
            .collect::<Result<_, _>>()
            .at_index(list, index, ".points")?,
        dwell_limit_seconds: limit
            .transpose()
            .at_index(list, index, ".dwell_limit_seconds")?,
    })
}

fn side(pixels: u32) -> Result<u32, Fault> {
    if pixels <= PICTURE_SIDE_MAX {
        Ok(pixels)
    } else {
        Err(Fault::OutOfRange)
    }
}
