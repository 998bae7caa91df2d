//! Which column or key of a list says what.

/// What is read of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    Path,
    Label,
    Split,
    Group,
}

impl Column {
    /// The names that it may have; the first one before all others.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Path => &[
                "path",
                "file",
                "filename",
                "file_name",
                "filepath",
                "file_path",
                "image",
                "image_name",
                "image_path",
                "img",
                "img_path",
                "picture",
            ],
            Self::Label => &["label", "class", "class_name", "label_name", "category", "target"],
            Self::Split => &["split", "subset", "set", "partition"],
            Self::Group => &["group", "group_id", "event"],
        }
    }

    /// Where it is among columns of these names.
    ///
    /// # Errors
    /// When several may be it.
    pub fn among<T: AsRef<str>>(self, names: &[T]) -> Result<Option<usize>, Ambiguous> {
        let plain: Vec<String> = names.iter().map(|name| plain(name.as_ref())).collect();
        let is = |wanted: &[&str]| {
            let found: Vec<usize> = (0..plain.len()).filter(|&at| wanted.contains(&plain[at].as_str())).collect();
            found
        };
        let first = is(&self.names()[..1]);
        let found = if first.is_empty() { is(self.names()) } else { first };
        match found[..] {
            [] => Ok(None),
            [at] => Ok(Some(at)),
            _ => Err(Ambiguous(found.into_iter().map(|at| names[at].as_ref().to_owned()).collect())),
        }
    }
}

/// The names of columns that say the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ambiguous(pub Vec<String>);

/// `File Name` as `file_name`.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_several_names_of_which_one_comes_first() {
        assert_eq!(Column::Path.among(&["Label", " File Name "]), Ok(Some(1)));
        assert_eq!(Column::Label.among(&["class", "LABEL", "path"]), Ok(Some(1)));
        assert_eq!(Column::Group.among(&["path", "label"]), Ok(None));
        assert_eq!(
            Column::Label.among(&["class", "Category"]),
            Err(Ambiguous(vec!["class".into(), "Category".into()]))
        );
        assert!(Column::Label.among(&["label", "label"]).is_err());
    }
}
