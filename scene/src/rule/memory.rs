/// What a rule remembers of each track, by its id.
#[derive(Clone, Debug)]
pub(super) struct Memory<S> {
    entries: Vec<(u64, S)>,
}

impl<S> Default for Memory<S> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<S> Memory<S> {
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut S> {
        let index = self.entries.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.entries.get_mut(index).map(|(_, state)| state)
    }

    /// Sets a track's state and answers with the one before.
    pub(super) fn replace(&mut self, id: u64, state: S) -> Option<S> {
        match self.entries.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(index) => self
                .entries
                .get_mut(index)
                .map(|entry| std::mem::replace(&mut entry.1, state)),
            Err(index) => {
                self.entries.insert(index, (id, state));
                None
            }
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(u64, &S) -> bool) {
        self.entries.retain(|(id, state)| keep(*id, state));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &S)> {
        self.entries.iter().map(|(id, state)| (*id, state))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut S)> {
        self.entries.iter_mut().map(|(id, state)| (*id, state))
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }
}
