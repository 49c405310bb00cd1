//! Records by their ids.

use crate::ids::Id;

/// A map whose code is small: that of the standard library's would cost a browser 5 kB.
#[derive(Debug, Clone)]
pub(super) struct ById<V>(Vec<(Id, V)>);

impl<V> Default for ById<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> ById<V> {
    fn position(&self, id: &Id) -> Result<usize, usize> {
        self.0.binary_search_by_key(id, |entry| entry.0)
    }

    pub(super) fn get(&self, id: &Id) -> Option<&V> {
        let position = self.position(id).ok()?;
        self.0.get(position).map(|entry| &entry.1)
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.position(id).is_ok()
    }

    /// Puts in a record, in place of the one before.
    pub(super) fn insert(&mut self, id: Id, value: V) {
        match self.position(&id) {
            Ok(position) => {
                if let Some(entry) = self.0.get_mut(position) {
                    entry.1 = value;
                }
            }
            Err(position) => self.0.insert(position, (id, value)),
        }
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<V> {
        let position = self.position(id).ok()?;
        Some(self.0.remove(position).1)
    }

    /// In the order of the ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|entry| &entry.1)
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
