//! The few fields of an ONNX file that must be looked at before the runtime sees it.
//!
//! A file is a protobuf `ModelProto` (onnx.proto3 of ONNX IR 8; the field numbers are named below).
//! Two things are done to it, on the wire format, so that every other field stays as it is:
//!
//! - height and width of the input become free, so that one fully convolutional file serves every
//!   shape its manifest allows. Shapes noted for outputs and inner values follow from the input and
//!   are dropped;
//! - a tensor that wants to be read from another file is refused: the manifest's hash would not
//!   cover it, and its path could be any file of the box.

use super::manifest::Layout;

const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE_INFO: u64 = 13;
const GRAPH_SPARSE_INITIALIZER: u64 = 15;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_TENSOR: u64 = 5;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_TENSORS: u64 = 10;
const ATTRIBUTE_GRAPHS: u64 = 11;
const SPARSE_VALUES: u64 = 1;
const SPARSE_INDICES: u64 = 2;
const TENSOR_EXTERNAL_DATA: u64 = 13;
const TENSOR_DATA_LOCATION: u64 = 14;
const VALUE_INFO_NAME: u64 = 1;
const VALUE_INFO_TYPE: u64 = 2;
const TYPE_TENSOR: u64 = 1;
const TENSOR_TYPE_SHAPE: u64 = 2;
const SHAPE_DIM: u64 = 1;
const DIM_PARAM: u64 = 2;

/// Graphs within attributes of nodes of graphs.
const DEPTH_MAX: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    #[error("is not an ONNX file: {0}")]
    Malformed(&'static str),
    #[error("wants to read weights from another file, which is not allowed")]
    ExternalData,
    #[error("has no input named `{0}`")]
    Input(String),
    #[error("has an input of {0} dimensions, the manifest means 4")]
    Rank(usize),
}

/// Refuses external data and frees height and width of the input called `name`, or of the only one.
pub(super) fn prepare(
    model: &[u8],
    name: Option<&str>,
    layout: Layout,
) -> Result<Vec<u8>, OnnxError> {
    let graph = Fields(model)
        .find_map(|field| field.map(|f| f.message_of(MODEL_GRAPH)).transpose())
        .ok_or(OnnxError::Malformed("it has no graph"))??;
    refuse_external(graph, DEPTH_MAX)?;
    let mut found = 0;
    let graph = edit(graph, |number, value| {
        if number == GRAPH_INPUT && is_named(value, name)? {
            found += 1;
            return free_sides(value, layout).map(Edit::Replace);
        }
        match number {
            GRAPH_VALUE_INFO => Ok(Edit::Drop),
            GRAPH_OUTPUT => edit_path(value, &[VALUE_INFO_TYPE, TYPE_TENSOR], &|tensor_type| {
                edit(tensor_type, |number, _| {
                    Ok(if number == TENSOR_TYPE_SHAPE {
                        Edit::Drop
                    } else {
                        Edit::Keep
                    })
                })
            })
            .map(Edit::Replace),
            _ => Ok(Edit::Keep),
        }
    })?;
    if found != 1 {
        return Err(OnnxError::Input(name.unwrap_or("(any)").to_owned()));
    }
    edit(model, |number, _| {
        Ok(if number == MODEL_GRAPH {
            Edit::Replace(graph.clone())
        } else {
            Edit::Keep
        })
    })
}

fn is_named(value_info: &[u8], name: Option<&str>) -> Result<bool, OnnxError> {
    let Some(name) = name else { return Ok(true) };
    for field in Fields(value_info) {
        if let Some(bytes) = field?.message_of(VALUE_INFO_NAME) {
            return Ok(bytes == name.as_bytes());
        }
    }
    Ok(false)
}

fn free_sides(value_info: &[u8], layout: Layout) -> Result<Vec<u8>, OnnxError> {
    let (height, width) = match layout {
        Layout::Nchw => (2, 3),
        Layout::Nhwc => (1, 2),
    };
    let path = [VALUE_INFO_TYPE, TYPE_TENSOR, TENSOR_TYPE_SHAPE];
    edit_path(value_info, &path, &|shape| {
        let mut dim = 0;
        let edited = edit(shape, |number, _| {
            if number != SHAPE_DIM {
                return Ok(Edit::Keep);
            }
            dim += 1;
            Ok(match dim - 1 {
                n if n == height => Edit::Replace(dim_param("height")),
                n if n == width => Edit::Replace(dim_param("width")),
                _ => Edit::Keep,
            })
        })?;
        if dim == 4 {
            Ok(edited)
        } else {
            Err(OnnxError::Rank(dim))
        }
    })
}

fn dim_param(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_message(&mut out, DIM_PARAM, name.as_bytes());
    out
}

fn refuse_external(graph: &[u8], depth: usize) -> Result<(), OnnxError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(OnnxError::Malformed("its graphs are nested too deep"));
    };
    for field in Fields(graph) {
        let field = field?;
        match (field.number, field.value) {
            (GRAPH_INITIALIZER, Value::Bytes(tensor)) => refuse_external_tensor(tensor)?,
            (GRAPH_SPARSE_INITIALIZER, Value::Bytes(sparse)) => refuse_external_sparse(sparse)?,
            (GRAPH_NODE, Value::Bytes(node)) => {
                for field in Fields(node) {
                    if let Some(attribute) = field?.message_of(NODE_ATTRIBUTE) {
                        refuse_external_attribute(attribute, depth)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_external_attribute(attribute: &[u8], depth: usize) -> Result<(), OnnxError> {
    for field in Fields(attribute) {
        let field = field?;
        match (field.number, field.value) {
            (ATTRIBUTE_TENSOR | ATTRIBUTE_TENSORS, Value::Bytes(tensor)) => {
                refuse_external_tensor(tensor)?;
            }
            (ATTRIBUTE_GRAPH | ATTRIBUTE_GRAPHS, Value::Bytes(graph)) => {
                refuse_external(graph, depth)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_external_sparse(sparse: &[u8]) -> Result<(), OnnxError> {
    for field in Fields(sparse) {
        let field = field?;
        if let (SPARSE_VALUES | SPARSE_INDICES, Value::Bytes(tensor)) = (field.number, field.value)
        {
            refuse_external_tensor(tensor)?;
        }
    }
    Ok(())
}

fn refuse_external_tensor(tensor: &[u8]) -> Result<(), OnnxError> {
    for field in Fields(tensor) {
        let field = field?;
        match (field.number, field.value) {
            (TENSOR_EXTERNAL_DATA, _) => return Err(OnnxError::ExternalData),
            (TENSOR_DATA_LOCATION, Value::Varint(location)) if location != 0 => {
                return Err(OnnxError::ExternalData);
            }
            _ => {}
        }
    }
    Ok(())
}

enum Edit {
    Keep,
    Drop,
    Replace(Vec<u8>),
}

/// A copy of `message`, with its length-delimited fields as `choose` wants them.
fn edit(
    message: &[u8],
    mut choose: impl FnMut(u64, &[u8]) -> Result<Edit, OnnxError>,
) -> Result<Vec<u8>, OnnxError> {
    let mut out = Vec::with_capacity(message.len());
    for field in Fields(message) {
        let field = field?;
        let Value::Bytes(value) = field.value else {
            out.extend_from_slice(field.raw);
            continue;
        };
        match choose(field.number, value)? {
            Edit::Keep => out.extend_from_slice(field.raw),
            Edit::Drop => {}
            Edit::Replace(new) => put_message(&mut out, field.number, &new),
        }
    }
    Ok(out)
}

type Change<'a> = dyn Fn(&[u8]) -> Result<Vec<u8>, OnnxError> + 'a;

/// Edits the message that `path`, a chain of field numbers, leads to.
fn edit_path(message: &[u8], path: &[u64], change: &Change<'_>) -> Result<Vec<u8>, OnnxError> {
    let Some((first, rest)) = path.split_first() else {
        return change(message);
    };
    edit(message, |number, value| {
        if number != *first {
            return Ok(Edit::Keep);
        }
        edit_path(value, rest, change).map(Edit::Replace)
    })
}

fn put_message(out: &mut Vec<u8>, number: u64, value: &[u8]) {
    prost::encoding::encode_varint(number << 3 | 2, out);
    prost::encoding::encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// One field of a message on the wire (protobuf encoding: a key, then the value).
#[derive(Clone, Copy)]
struct Field<'a> {
    number: u64,
    value: Value<'a>,
    /// Key and value as they stand.
    raw: &'a [u8],
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Fixed,
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn message_of(self, number: u64) -> Option<&'a [u8]> {
        match self.value {
            Value::Bytes(bytes) if self.number == number => Some(bytes),
            _ => None,
        }
    }
}

/// The fields of a message, in order, until the first that is not well-formed.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, OnnxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let whole = self.0;
        let field = read_field(whole);
        self.0 = match &field {
            Ok(field) => whole.get(field.raw.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(field)
    }
}

fn read_field(whole: &[u8]) -> Result<Field<'_>, OnnxError> {
    let malformed = || OnnxError::Malformed("a field ends too early");
    let mut rest = whole;
    let varint = |rest: &mut &[u8]| {
        prost::encoding::decode_varint(rest)
            .ok()
            .ok_or(OnnxError::Malformed("a bad number"))
    };
    let key = varint(&mut rest)?;
    let value = match key & 7 {
        0 => Value::Varint(varint(&mut rest)?),
        wire @ (1 | 5) => {
            rest = rest
                .get(if wire == 1 { 8 } else { 4 }..)
                .ok_or_else(malformed)?;
            Value::Fixed
        }
        2 => {
            let len = usize::try_from(varint(&mut rest)?)
                .ok()
                .ok_or_else(malformed)?;
            let (bytes, tail) = rest.split_at_checked(len).ok_or_else(malformed)?;
            rest = tail;
            Value::Bytes(bytes)
        }
        _ => return Err(OnnxError::Malformed("an unknown wire type")),
    };
    let raw = whole
        .get(..whole.len() - rest.len())
        .ok_or_else(malformed)?;
    Ok(Field {
        number: key >> 3,
        value,
        raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, value) in fields {
            put_message(&mut out, *number, value);
        }
        out
    }

    fn input(name: &str, dims: usize) -> Vec<u8> {
        // dim_value = 416, a varint in field 1
        let dim: &[u8] = &[0x08, 0xa0, 0x03];
        let shape = message(&vec![(SHAPE_DIM, dim); dims]);
        let tensor = message(&[(TENSOR_TYPE_SHAPE, &shape)]);
        let kind = message(&[(TYPE_TENSOR, &tensor)]);
        message(&[(VALUE_INFO_NAME, name.as_bytes()), (VALUE_INFO_TYPE, &kind)])
    }

    fn model(graph: &[(u64, &[u8])]) -> Vec<u8> {
        // ir_version = 8 before the graph, an unknown field behind it
        let mut out = vec![0x08, 0x08];
        put_message(&mut out, MODEL_GRAPH, &message(graph));
        put_message(&mut out, 999, b"kept");
        out
    }

    #[test]
    fn sides_become_free_and_the_rest_stays() {
        let input = input("images", 4);
        let before = model(&[
            (GRAPH_NODE, b""),
            (GRAPH_INPUT, &input),
            (GRAPH_VALUE_INFO, b""),
        ]);
        let after = prepare(&before, Some("images"), Layout::Nchw).unwrap();
        let text = String::from_utf8_lossy(&after);
        assert!(text.contains("height") && text.contains("width") && text.contains("kept"));
        assert_eq!(
            after
                .windows(2)
                .filter(|pair| *pair == [0xa0, 0x03])
                .count(),
            2,
            "batch and channels"
        );
        assert_eq!(
            prepare(&after, None, Layout::Nchw).as_ref(),
            Ok(&after),
            "a second time"
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let flat = input("images", 2);
        let fault =
            |graph: &[(u64, &[u8])], name| prepare(&model(graph), name, Layout::Nchw).unwrap_err();
        assert_eq!(fault(&[(GRAPH_INPUT, &flat)], None), OnnxError::Rank(2));
        assert_eq!(
            fault(&[(GRAPH_INPUT, &flat)], Some("x")),
            OnnxError::Input("x".into())
        );
        let not_onnx = prepare(b"not a model at all", None, Layout::Nchw);
        assert!(matches!(not_onnx, Err(OnnxError::Malformed(_))));
    }

    #[test]
    fn weights_in_another_file_are_refused_wherever_they_hide() {
        let input = input("images", 4);
        let external = message(&[(TENSOR_EXTERNAL_DATA, b"/etc/shadow")]);
        let attribute = message(&[(ATTRIBUTE_TENSOR, &external)]);
        let node = message(&[(NODE_ATTRIBUTE, &attribute)]);
        let inner = message(&[(GRAPH_NODE, &node)]);
        let branch = message(&[(NODE_ATTRIBUTE, &message(&[(ATTRIBUTE_GRAPH, &inner)]))]);
        let sparse = message(&[(SPARSE_VALUES, &external)]);
        let located = [0x70, 0x01];
        for hidden in [
            (GRAPH_INITIALIZER, external.as_slice()),
            (GRAPH_INITIALIZER, &located),
            (GRAPH_NODE, &node),
            (GRAPH_NODE, &branch),
            (GRAPH_SPARSE_INITIALIZER, &sparse),
        ] {
            let found = prepare(&model(&[(GRAPH_INPUT, &input), hidden]), None, Layout::Nchw);
            assert_eq!(found, Err(OnnxError::ExternalData));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            // The answer does not matter, only that there is one.
            drop(prepare(&bytes, None, Layout::Nchw));
        }
    }
}
