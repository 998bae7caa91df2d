//! The settings file, as far as it may be shown.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What holds, section by section.
#[derive(Clone, PartialEq, Debug, Default, Serialize, ToSchema)]
pub struct SettingsShown {
    /// The file; null where there is none, and all is as by default.
    pub file: Option<String>,
    pub sections: Vec<SectionShown>,
}

#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct SectionShown {
    /// As in the file: `serve`, `camera.gate`; empty for what stands before all sections.
    pub name: String,
    pub settings: Vec<SettingShown>,
}

#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct SettingShown {
    pub name: &'static str,
    /// Null where nothing is said and nothing holds.
    pub value: Value,
    /// Whether it would be the same without the line.
    pub is_default: bool,
}
