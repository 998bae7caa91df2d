//! How much there is to walk in a model, counted before anything walks it.

use std::collections::HashMap;

use tract_onnx::pb;

use super::GraphError;

/// No image classifier comes near: the largest of `tools/zoo` have a few thousand.
pub const MAX_NODES: u64 = 20_000;
/// How deep graphs inside nodes and functions that call functions may be nested.
pub(super) const MAX_DEPTH: usize = 16;

/// Refuses a model with more nodes than [`MAX_NODES`], each call of a function counted as all that it stands for.
pub(super) fn check(model: &pb::ModelProto) -> Result<(), GraphError> {
    let bodies = model.functions.iter().filter_map(|function| Some((function.name.as_deref()?, &*function.node)));
    let mut count = Count { bodies: bodies.collect(), sizes: HashMap::new() };
    let graph = model.graph.as_ref().map_or(&[][..], |graph| &graph.node);
    match count.nodes(graph, 0)? {
        nodes if nodes > MAX_NODES => Err(GraphError::TooManyNodes(nodes)),
        _ => Ok(()),
    }
}

struct Count<'a> {
    /// Of functions, by the operator that calls them.
    bodies: HashMap<&'a str, &'a [pb::NodeProto]>,
    /// Of the functions that were counted already.
    sizes: HashMap<&'a str, u64>,
}

impl<'a> Count<'a> {
    fn nodes(&mut self, nodes: &'a [pb::NodeProto], depth: usize) -> Result<u64, GraphError> {
        if depth > MAX_DEPTH {
            return Err(GraphError::TooDeep);
        }
        let mut sum = nodes.len() as u64;
        for node in nodes {
            sum = sum.saturating_add(self.called(&node.op_type, depth)?);
            for graph in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
                sum = sum.saturating_add(self.nodes(&graph.node, depth + 1)?);
            }
        }
        Ok(sum)
    }

    /// 0 where no function has this name, so that it is an operator.
    fn called(&mut self, name: &'a str, depth: usize) -> Result<u64, GraphError> {
        if let Some(&size) = self.sizes.get(name) {
            return Ok(size);
        }
        let Some(&body) = self.bodies.get(name) else { return Ok(0) };
        let size = self.nodes(body, depth + 1)?;
        self.sizes.insert(name, size);
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str) -> pb::NodeProto {
        pb::NodeProto { op_type: op.to_owned(), ..Default::default() }
    }

    fn model(nodes: Vec<pb::NodeProto>, functions: Vec<pb::FunctionProto>) -> pb::ModelProto {
        let graph = pb::GraphProto { node: nodes, ..Default::default() };
        pb::ModelProto { graph: Some(graph), functions, ..Default::default() }
    }

    fn function(name: &str, nodes: Vec<pb::NodeProto>) -> pb::FunctionProto {
        pb::FunctionProto { name: Some(name.to_owned()), node: nodes, ..Default::default() }
    }

    #[test]
    fn nodes_count_wherever_they_are() {
        assert!(check(&model(vec![node("Relu"); MAX_NODES as usize], vec![])).is_ok());
        let one_more = check(&model(vec![node("Relu"); MAX_NODES as usize + 1], vec![]));
        assert!(matches!(one_more, Err(GraphError::TooManyNodes(20_001))));
        let inner = pb::GraphProto { node: vec![node("Relu"); MAX_NODES as usize], ..Default::default() };
        let attribute = pb::AttributeProto { g: Some(inner), ..Default::default() };
        let outer = pb::NodeProto { attribute: vec![attribute], ..node("If") };
        assert!(matches!(check(&model(vec![outer], vec![])), Err(GraphError::TooManyNodes(20_001))));
    }

    #[test]
    fn functions_that_call_each_other_twice_count_as_often_as_they_are_called() {
        let doubling = |level: usize| match level {
            0 => function("f0", vec![node("Relu")]),
            _ => function(&format!("f{level}"), vec![node(&format!("f{}", level - 1)); 2]),
        };
        let called =
            |levels: usize| check(&model(vec![node(&format!("f{levels}"))], (0..=levels).map(doubling).collect()));
        assert!(called(5).is_ok());
        assert!(matches!(called(15), Err(GraphError::TooManyNodes(_))));
        assert!(matches!(called(40), Err(GraphError::TooDeep)));
        let itself = function("f", vec![node("f")]);
        assert!(matches!(check(&model(vec![node("f")], vec![itself])), Err(GraphError::TooDeep)));
    }
}
