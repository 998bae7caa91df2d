//! Why a head says what it says: what each place of a picture adds to a class, and which stored pictures it resembles.

mod attention;
mod boxes;
mod colours;
mod lettering;
mod maps;
mod nearest;
mod occlusion;
mod overlay;
mod patches;
mod places;
mod strongest;

pub use attention::{Attention, Region};
pub use boxes::{PictureBox, boxes};
pub use maps::{ClassMap, How, class_maps};
pub use nearest::{Neighbour, nearest};
pub use occlusion::{OcclusionError, occluded_maps};
pub use overlay::{Overlay, jpeg, layer, overlay, png};
pub use patches::{Part, filter_picture};
pub use strongest::{Peak, Strongest};
