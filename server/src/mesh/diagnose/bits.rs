//! Sets of nodes, and sets of pairs of them, a bit each: a cut through 5,000 nodes is 12.5 million pairs, which is 3 MB here and
//! would be half a gigabyte as a tree.

/// Bits of a word.
const WORD: usize = 64;

/// A set of small numbers. Sets of the same limit compare by what they hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// An empty set for numbers below a limit.
    pub(super) fn below(limit: usize) -> Self {
        Self { words: vec![0; limit.div_ceil(WORD)] }
    }

    /// A set of these numbers, all below a limit.
    pub(super) fn of(numbers: &[usize], limit: usize) -> Self {
        let mut bits = Self::below(limit);
        for number in numbers {
            bits.insert(*number);
        }
        bits
    }

    /// Puts a number in; one that is not below the limit is left out.
    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / WORD) {
            *word |= 1 << (number % WORD);
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.words.get(number / WORD).is_some_and(|word| word >> (number % WORD) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| usize::try_from(word.count_ones()).unwrap_or(0)).sum()
    }

    pub(super) fn is_subset(&self, of: &Self) -> bool {
        self.words.iter().zip(&of.words).all(|(one, other)| one & !other == 0)
    }

    /// Takes out all that another set holds.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (word, taken) in self.words.iter_mut().zip(&other.words) {
            *word &= !taken;
        }
    }

    /// The numbers in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            std::iter::successors(Some(*word), |rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|rest| *rest != 0)
                .map(move |rest| place * WORD + usize::try_from(rest.trailing_zeros()).unwrap_or(0))
        })
    }
}

/// A set of pairs. Rows without a pair take no memory of their own.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    rows: Vec<Bits>,
}

impl Pairs {
    /// An empty set for pairs of numbers below a limit.
    pub(super) fn below(limit: usize) -> Self {
        Self { rows: vec![Bits::default(); limit] }
    }

    /// Numbers are below it.
    pub(super) fn limit(&self) -> usize {
        self.rows.len()
    }

    /// Puts a pair in.
    pub(super) fn insert(&mut self, from: usize, to: usize) {
        let limit = self.rows.len();
        if let Some(row) = self.rows.get_mut(from) {
            if row.words.is_empty() {
                *row = Bits::below(limit);
            }
            row.insert(to);
        }
    }

    pub(super) fn contains(&self, from: usize, to: usize) -> bool {
        self.rows.get(from).is_some_and(|row| row.contains(to))
    }

    /// The rows that hold a pair, with those that each is paired with.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Bits)> {
        self.rows.iter().enumerate().filter(|(_, row)| !row.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_listed_in_order() {
        let bits = Bits::of(&[130, 0, 63, 64], 200);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 130]);
        assert_eq!(
            (bits.count(), bits.contains(64), bits.contains(65), bits.contains(5_000)),
            (4, true, false, false)
        );
        assert!(Bits::of(&[64], 200).is_subset(&bits) && !bits.is_subset(&Bits::of(&[64], 200)));
    }

    #[test]
    fn what_is_taken_out_is_gone_and_the_rest_stays() {
        let mut bits = Bits::of(&[1, 2, 100], 101);
        bits.subtract(&Bits::of(&[2, 100], 101));
        assert_eq!(bits, Bits::of(&[1], 101));
        bits.subtract(&bits.clone());
        assert!(bits.is_empty());
    }

    #[test]
    fn a_pair_is_found_one_way_and_only_rows_with_pairs_are_listed() {
        let mut pairs = Pairs::below(70);
        pairs.insert(1, 69);
        pairs.insert(69, 2);
        assert!(pairs.contains(1, 69) && !pairs.contains(69, 1) && !pairs.contains(200, 1));
        assert_eq!(
            pairs.rows().map(|(from, row)| (from, row.count())).collect::<Vec<_>>(),
            [(1, 1), (69, 1)]
        );
    }
}
