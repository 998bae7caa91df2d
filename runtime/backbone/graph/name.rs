//! What people call a node.

use tract_onnx::pb;

/// A name for people: the node's own, else its operator and first output.
pub(super) fn node_name(node: &pb::NodeProto) -> String {
    match node.name.is_empty() {
        false => node.name.clone(),
        true => format!("{} -> {}", node.op_type, node.output.first().map_or("", String::as_str)),
    }
}
