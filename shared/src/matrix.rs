//! The matrix: from × to, dense, in row order.

/// A dense table of `rows` × `columns` values, stored row after row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix<T> {
    rows: usize,
    columns: usize,
    cells: Vec<T>,
}

impl<T: Clone> Matrix<T> {
    /// Makes a matrix that holds `value` everywhere.
    pub fn filled(rows: usize, columns: usize, value: T) -> Self {
        Self { rows, columns, cells: vec![value; rows * columns] }
    }
}

impl<T> Matrix<T> {
    /// Number of rows (who looks).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns (who is looked at).
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The value at a place, or `None` outside the matrix.
    pub fn get(&self, row: usize, column: usize) -> Option<&T> {
        if column >= self.columns {
            return None;
        }
        self.cells.get(row * self.columns + column)
    }

    /// The value at a place, to change it, or `None` outside the matrix.
    pub fn get_mut(&mut self, row: usize, column: usize) -> Option<&mut T> {
        if column >= self.columns {
            return None;
        }
        self.cells.get_mut(row * self.columns + column)
    }

    /// One row, empty outside the matrix.
    pub fn row(&self, row: usize) -> &[T] {
        self.cells.get(row * self.columns..(row + 1) * self.columns).unwrap_or(&[])
    }

    /// One column, from the first row to the last.
    pub fn column(&self, column: usize) -> impl Iterator<Item = &T> {
        (0..self.rows).filter_map(move |row| self.get(row, column))
    }

    /// Every value with its row and column, in row order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, &T)> {
        let columns = self.columns.max(1);
        self.cells.iter().enumerate().map(move |(index, cell)| (index / columns, index % columns, cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_where_it_was_put() {
        let mut matrix = Matrix::filled(2, 3, 0);
        *matrix.get_mut(1, 2).unwrap() = 7;
        assert_eq!(matrix.row(1), [0, 0, 7]);
        assert_eq!(matrix.column(2).copied().collect::<Vec<_>>(), [0, 7]);
        assert_eq!(
            matrix.iter().filter(|(_, _, cell)| **cell == 7).map(|(r, c, _)| (r, c)).next(),
            Some((1, 2))
        );
    }

    #[test]
    fn a_place_outside_is_none_and_never_another_cell() {
        let matrix = Matrix::filled(2, 2, 1);
        assert_eq!(matrix.get(0, 2), None);
        assert_eq!(matrix.get(2, 0), None);
        assert!(matrix.row(2).is_empty());
    }
}
