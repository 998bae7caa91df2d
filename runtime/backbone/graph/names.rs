//! Class names that a graph itself holds, for operators that turn scores into names.

use super::Network;
use super::constant::{attribute, tensor};
use super::index::Index;

impl Network {
    /// The names in the order of the scores; empty where the graph has none.
    pub fn class_names(&self) -> Vec<String> {
        let index = Index::new(self.graph());
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).trim().to_owned();
        let of_attribute = |node, name| Some(attribute(node, name)?.strings.iter().map(text).collect());
        let names = index.graph.node.iter().filter_map(|node| match node.op_type.as_str() {
            "ZipMap" => of_attribute(node, "classlabels_strings"),
            "ArrayFeatureExtractor" => {
                Some(tensor(&index, node.input.first()?)?.string_data.iter().map(text).collect())
            }
            _ => None,
        });
        names.into_iter().find(|names: &Vec<String>| !names.is_empty()).unwrap_or_default()
    }
}
