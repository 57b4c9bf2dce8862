//! What samples are.

use std::collections::HashMap;

use crate::DataError;
use crate::message::shown;

/// Most classes, whose table of confusions still fits in memory and in a file.
const MOST: usize = 4096;

/// What each sample is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The class of each sample, an index into `classes`.
    pub values: Vec<u32>,
    /// The names of the classes.
    pub classes: Vec<String>,
}

impl Labels {
    /// The classes of samples by the names of their labels: those that occur, as numbers where all
    /// are whole numbers, else by the alphabet.
    ///
    /// # Errors
    ///
    /// Refuses more than 4096 classes.
    pub fn named(labels: &[String]) -> Result<Self, DataError> {
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let numbers: Option<Vec<i64>> = classes.iter().map(|class| class.parse().ok()).collect();
        if numbers.is_some() {
            classes.sort_by_key(|class| class.parse::<i64>().unwrap_or(0));
        }
        Self::of_classes(labels, classes)
    }

    /// As [`Labels::named`], of classes that are known.
    ///
    /// # Errors
    ///
    /// Refuses a label that is none of them, and more than 4096 classes.
    pub fn of_classes(labels: &[String], classes: Vec<String>) -> Result<Self, DataError> {
        if classes.len() > MOST {
            return Err(DataError::Unsuitable {
                found: format!("the labels have {} different values", classes.len()),
                expected: format!("at most {MOST} classes"),
            });
        }
        let numbered = classes.iter().zip(0..);
        let numbers: HashMap<&String, u32> = numbered.collect();
        let class = |label: &String| {
            let found = numbers.get(label).copied();
            found.ok_or_else(|| DataError::Unsuitable {
                found: format!("a label is `{}`", shown(label)),
                expected: format!("one of the classes {}", shown(&classes.join(", "))),
            })
        };
        let values = labels.iter().map(class).collect::<Result<_, _>>()?;
        Ok(Self { values, classes })
    }

    /// The same labels as classes of others, by their names; or by their numbers, from 0, where no name
    /// is among them and all are such numbers, as in IDX files.
    ///
    /// # Errors
    ///
    /// Refuses a label that is none of them.
    pub fn within(&self, classes: &[String]) -> Result<Self, DataError> {
        let number = |name: &String| {
            let number = name.parse::<usize>().ok()?;
            classes.get(number).cloned()
        };
        let numbered: Option<Vec<String>> = self.classes.iter().map(number).collect();
        let own = match numbered {
            Some(named) if !self.classes.iter().any(|name| classes.contains(name)) => named,
            _ => self.classes.clone(),
        };
        let names = self.values.iter().map(|&value| own[value as usize].clone());
        Self::of_classes(&names.collect::<Vec<_>>(), classes.to_vec())
    }

    /// Those of the given rows.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            values: rows.iter().map(|&row| self.values[row]).collect(),
            classes: self.classes.clone(),
        }
    }

    /// Of each class the first rows of `order` that are its `share`, to the nearest row and at least one.
    pub(crate) fn first_of_classes(&self, order: &[usize], share: f64) -> Vec<usize> {
        let mut left: HashMap<u32, usize> = HashMap::new();
        for &row in order {
            *left.entry(self.values[row]).or_default() += 1;
        }
        for count in left.values_mut() {
            *count = ((*count as f64 * share).round() as usize).max(1);
        }
        let mut first = Vec::new();
        for &row in order {
            if let Some(left) = left.get_mut(&self.values[row]).filter(|left| **left > 0) {
                *left -= 1;
                first.push(row);
            }
        }
        first
    }

    /// Divides rows, in a random order, so that `count` are in the second part and each class has its
    /// share of them, to within one.
    pub(crate) fn divide(&self, order: &[usize], count: usize) -> (Vec<usize>, Vec<usize>) {
        let count_of_classes = self
            .values
            .iter()
            .max()
            .map_or(0, |&class| class as usize + 1);
        let mut members: Vec<Vec<usize>> = vec![vec![]; count_of_classes];
        // Classes that are as near to one more come in random order.
        let mut classes: Vec<usize> = Vec::new();
        for &row in order {
            let class = self.values[row] as usize;
            if members[class].is_empty() {
                classes.push(class);
            }
            members[class].push(row);
        }
        let quota = |class: usize| members[class].len() * count;
        let rows = order.len();
        let left = count
            - classes
                .iter()
                .map(|&class| quota(class) / rows)
                .sum::<usize>();
        classes.sort_by_key(|&class| std::cmp::Reverse(quota(class) % rows));
        let (mut rest, mut aside) = (Vec::new(), Vec::new());
        for (place, &class) in classes.iter().enumerate() {
            let share = quota(class) / rows + usize::from(place < left);
            let (first, last) = members[class].split_at(members[class].len() - share);
            rest.extend_from_slice(first);
            aside.extend_from_slice(last);
        }
        (rest, aside)
    }
}
