//! Records by their ids.

use crate::ids::Id;

/// A map whose code is small: that of the standard library's would cost a browser 5 kB. The ids lie apart, so that looking
/// for one is the same code for all maps.
#[derive(Debug, Clone)]
pub(super) struct ById<V> {
    /// In their order.
    ids: Vec<Id>,
    /// Each at the position of its id.
    values: Vec<V>,
}

impl<V> Default for ById<V> {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl<V> ById<V> {
    pub(super) fn get(&self, id: &Id) -> Option<&V> {
        let position = self.ids.binary_search(id).ok()?;
        self.values.get(position)
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.ids.binary_search(id).is_ok()
    }

    /// Puts in a record, in place of the one before.
    pub(super) fn insert(&mut self, id: Id, value: V) {
        match self.ids.binary_search(&id) {
            Ok(position) => self.values[position] = value,
            Err(position) => {
                self.ids.insert(position, id);
                self.values.insert(position, value);
            }
        }
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<V> {
        let position = self.ids.binary_search(id).ok()?;
        self.ids.remove(position);
        Some(self.values.remove(position))
    }

    /// In the order of the ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.values.iter()
    }
}

impl<V> Extend<(Id, V)> for ById<V> {
    fn extend<I: IntoIterator<Item = (Id, V)>>(&mut self, entries: I) {
        for (id, value) in entries {
            self.insert(id, value);
        }
    }
}

impl<V> FromIterator<(Id, V)> for ById<V> {
    fn from_iter<I: IntoIterator<Item = (Id, V)>>(entries: I) -> Self {
        let mut this = Self::default();
        this.extend(entries);
        this
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_has_the_last_record() {
        let id = |first| Id::v4([first; 16]);
        let numbers = [5, 1, 9, 5, 3, 1];
        let mut map: ById<usize> = numbers.iter().map(|n| id(*n)).zip(0..).collect();
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [5, 4, 3, 2]);
        assert_eq!(map.get(&id(9)), Some(&2));
        assert_eq!((map.get(&id(2)), map.contains(&id(2))), (None, false));
        assert_eq!(map.remove(&id(3)), Some(4));
        assert_eq!(map.remove(&id(3)), None);
        assert!(!map.contains(&id(3)) && map.contains(&id(5)));
    }
}
