//! Who makes and who takes each tensor of a graph.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb;

use super::GraphError;
use super::name::node_name;

/// The tensors of a graph by name.
pub(super) struct Index<'a> {
    pub graph: &'a pb::GraphProto,
    /// The graph's nodes, each after those it needs.
    pub order: Vec<usize>,
    producers: HashMap<&'a str, usize>,
    initialisers: HashMap<&'a str, &'a pb::TensorProto>,
    /// Position of each node in `order`.
    rank: Vec<usize>,
}

impl<'a> Index<'a> {
    /// For a graph that `check::model` has passed.
    pub fn new(graph: &'a pb::GraphProto) -> Self {
        let order = topological_order(graph).expect("a checked graph has no cycles");
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(position, &node)| rank[node] = position);
        let initialisers = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
        Self { graph, order, producers: producers(graph), initialisers, rank }
    }

    /// The node that makes `tensor`; `None` for inputs and initialisers.
    pub fn producer(&self, tensor: &str) -> Option<&'a pb::NodeProto> {
        self.producers.get(tensor).map(|&node| &self.graph.node[node])
    }

    pub fn initialiser(&self, tensor: &str) -> Option<&'a pb::TensorProto> {
        self.initialisers.get(tensor).copied()
    }

    /// `tensor` as the graph holds it; `None` where no node makes it.
    pub fn name(&self, tensor: &str) -> Option<&'a str> {
        self.producers.get_key_value(tensor).map(|(&name, _)| name)
    }

    pub fn contains(&self, tensor: &str) -> bool {
        self.producers.contains_key(tensor) || self.initialisers.contains_key(tensor) || self.input(tensor).is_some()
    }

    /// A graph input that is no initialiser.
    pub fn input(&self, tensor: &str) -> Option<&'a pb::ValueInfoProto> {
        self.inputs().find(|input| input.name == tensor)
    }

    /// Graph inputs that the user of the network feeds; old files list their initialisers among the inputs too.
    pub fn inputs(&self) -> impl Iterator<Item = &'a pb::ValueInfoProto> + '_ {
        self.graph.input.iter().filter(|input| !self.initialisers.contains_key(input.name.as_str()))
    }

    /// When `tensor` becomes known, counted in nodes; inputs and initialisers come first.
    pub fn time(&self, tensor: &str) -> usize {
        self.producers.get(tensor).map_or(0, |&node| self.rank[node] + 1)
    }

    /// Every tensor whose values depend on those of the graph input `input`, itself included; its size alone does not count.
    pub fn reached_from(&self, input: &'a str) -> HashSet<&'a str> {
        let mut reached = HashSet::from([input]);
        for &node in &self.order {
            let node = &self.graph.node[node];
            let of_size = matches!(node.op_type.as_str(), "Shape" | "Size");
            if !of_size && taken_by(node).iter().any(|name| reached.contains(name)) {
                reached.extend(node.output.iter().map(String::as_str).filter(|name| !name.is_empty()));
            }
        }
        reached
    }

    /// The nodes that take `tensor`.
    pub fn takers(&self, tensor: &str) -> impl Iterator<Item = &'a pb::NodeProto> {
        self.graph.node.iter().filter(move |node| node.input.iter().any(|input| input == tensor))
    }

    /// The node that alone takes `tensor`.
    pub fn only_taker(&self, tensor: &str) -> Option<&'a pb::NodeProto> {
        let mut takers = self.takers(tensor);
        takers.next().filter(|_| takers.next().is_none())
    }

    /// Every node and every tensor that the `targets` need.
    pub fn needed_for(&self, targets: &[&'a str]) -> Needed<'a> {
        let mut needed = Needed { nodes: HashSet::new(), tensors: HashSet::new() };
        let mut open: Vec<&str> = targets.to_vec();
        while let Some(tensor) = open.pop() {
            if tensor.is_empty() || !needed.tensors.insert(tensor) {
                continue;
            }
            if let Some(&node) = self.producers.get(tensor)
                && needed.nodes.insert(node)
            {
                open.extend(taken_by(&self.graph.node[node]));
            }
        }
        needed
    }
}

/// What a tensor depends on.
pub(super) struct Needed<'a> {
    pub nodes: HashSet<usize>,
    pub tensors: HashSet<&'a str>,
}

fn producers(graph: &pb::GraphProto) -> HashMap<&str, usize> {
    let outputs = |(i, node): (usize, &'_ pb::NodeProto)| -> Vec<(usize, usize)> {
        (0..node.output.len()).map(|output| (i, output)).collect()
    };
    let all = graph.node.iter().enumerate().flat_map(outputs);
    let named = all.map(|(node, output)| (graph.node[node].output[output].as_str(), node));
    named.filter(|(name, _)| !name.is_empty()).collect()
}

/// The names that a node takes, those that graphs inside it take from outside included.
pub(super) fn taken_by(node: &pb::NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    for graph in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
        names.extend(graph.node.iter().flat_map(taken_by));
        names.extend(graph.output.iter().map(|output| output.name.as_str()));
    }
    names
}

/// The nodes, each after those it needs.
pub(super) fn topological_order(graph: &pb::GraphProto) -> Result<Vec<usize>, GraphError> {
    let producers = producers(graph);
    let mut takers = vec![Vec::new(); graph.node.len()];
    let mut waiting = vec![0_usize; graph.node.len()];
    for (taker, node) in graph.node.iter().enumerate() {
        for name in taken_by(node) {
            if let Some(&maker) = producers.get(name) {
                takers[maker].push(taker);
                waiting[taker] += 1;
            }
        }
    }
    let mut order: Vec<usize> = (0..graph.node.len()).filter(|&node| waiting[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &taker in &takers[node] {
            waiting[taker] -= 1;
            if waiting[taker] == 0 {
                order.push(taker);
            }
        }
    }
    match waiting.iter().position(|&count| count > 0) {
        Some(node) => Err(GraphError::Cycle(node_name(&graph.node[node]))),
        None => Ok(order),
    }
}
