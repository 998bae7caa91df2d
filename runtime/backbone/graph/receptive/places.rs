//! Which dimensions of a tensor are the places of the picture, and where they are once the tensor is shaped anew.

/// Where the places of the picture are in a tensor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Places {
    /// A dimension of rows and one of columns.
    Map { rows: usize, columns: usize },
    /// One dimension for both, row by row, behind `prefix` that stand for no place.
    Tokens { dim: usize, prefix: usize, grid: (usize, usize) },
}

impl Places {
    pub fn dims(self) -> Vec<usize> {
        match self {
            Self::Map { rows, columns } => vec![rows, columns],
            Self::Tokens { dim, .. } => vec![dim],
        }
    }

    pub fn contains(self, dim: usize) -> bool {
        self.dims().contains(&dim)
    }

    /// With each dimension where `to` says.
    pub fn moved(self, to: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        Some(match self {
            Self::Map { rows, columns } => Self::Map { rows: to(rows)?, columns: to(columns)? },
            Self::Tokens { dim, prefix, grid } => Self::Tokens { dim: to(dim)?, prefix, grid },
        })
    }

    /// In a tensor of shape `to` with the values of one of shape `from`; `None` where places are torn apart.
    pub fn reshaped(self, from: &[usize], to: &[usize]) -> Option<Self> {
        let before = |shape: &[usize], dim: usize| shape[..dim].iter().product::<usize>();
        let (first, grid, whole) = match self {
            Self::Map { rows, columns } if columns == rows + 1 => {
                let grid = (*from.get(rows)?, *from.get(columns)?);
                (rows, grid, grid.0 * grid.1)
            }
            Self::Map { .. } => return None,
            Self::Tokens { dim, grid, .. } => (dim, grid, *from.get(dim)?),
        };
        let starts = || (0..to.len()).filter(|&dim| before(to, dim) == before(from, first));
        let as_map = |dim: &usize| to[*dim] == grid.0 && to.get(dim + 1) == Some(&grid.1);
        let prefix = if let Self::Tokens { prefix, .. } = self { prefix } else { 0 };
        if prefix == 0
            && let Some(rows) = starts().find(as_map)
        {
            return Some(Self::Map { rows, columns: rows + 1 });
        }
        starts().find(|&dim| to[dim] == whole).map(|dim| Self::Tokens { dim, prefix, grid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again_in_another_shape() {
        let map = Places::Map { rows: 2, columns: 3 };
        let tokens = |dim| Places::Tokens { dim, prefix: 0, grid: (4, 6) };
        assert_eq!(map.reshaped(&[1, 8, 4, 6], &[1, 2, 4, 4, 6]), Some(Places::Map { rows: 3, columns: 4 }));
        assert_eq!(map.reshaped(&[1, 8, 4, 6], &[1, 8, 24]), Some(tokens(2)));
        assert_eq!(tokens(2).reshaped(&[1, 8, 24], &[1, 8, 4, 6]), Some(map));
        assert_eq!(tokens(1).reshaped(&[1, 24, 8], &[1, 24, 2, 4]), Some(tokens(1)));
        assert_eq!(map.reshaped(&[1, 8, 4, 6], &[1, 192]), None);
        assert_eq!(map.reshaped(&[1, 8, 4, 6], &[1, 8, 2, 2, 6]), None, "rows are cut into windows");
    }
}
