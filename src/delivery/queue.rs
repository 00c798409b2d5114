//! Who goes next: pure, and in memory; the store is the truth.
//!
//! Each recipient has a line, in which a message waits until all before it are gone. Only the head of a line can go, and
//! only while none of the line is on its way, so nobody is overtaken and no line waits for another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use crate::domain::messages::Medium;

/// When a message was written, and its id: the order of its line.
pub type Place = (i64, Uuid);

/// To whom, by a hash: addresses are not kept in memory.
pub type Recipient = [u8; 32];

/// What is known of a message that waits. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub recipient: Recipient,
    pub medium: Medium,
    /// Not tried before.
    pub due_at: i64,
    /// Not tried any more.
    pub ends_at: i64,
}

/// The messages that wait or are on their way.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<Place, Waiting>,
    lines: HashMap<Recipient, BTreeSet<Place>>,
    /// Of each line that has none on its way the head, by when it is due.
    due: HashMap<Medium, BTreeSet<(i64, Place)>>,
    ends: BTreeSet<(i64, Place)>,
    on_the_way: HashMap<Recipient, Place>,
    paused_until: HashMap<Medium, i64>,
}

impl Queue {
    pub fn is_on_the_way(&self, place: &Place) -> bool {
        self.waiting.get(place).is_some_and(|waiting| self.on_the_way.get(&waiting.recipient) == Some(place))
    }

    pub fn on_the_way(&self) -> usize {
        self.on_the_way.len()
    }

    /// Takes a message in, or what is newly known of one that waits already; one that is on its way stays as it is.
    pub fn put(&mut self, place: Place, waiting: Waiting) {
        if self.is_on_the_way(&place) {
            return;
        }
        self.forget(&place);
        self.without_head(&waiting.recipient);
        self.waiting.insert(place, waiting);
        self.ends.insert((waiting.ends_at, place));
        self.lines.entry(waiting.recipient).or_default().insert(place);
        self.with_head(&waiting.recipient);
    }

    /// The message that is due first, from now on on its way.
    pub fn take(&mut self, now: i64) -> Option<Place> {
        let is_open = |medium: &Medium| self.paused_until.get(medium).is_none_or(|until| *until <= now);
        let first = |(medium, due): (&Medium, &BTreeSet<(i64, Place)>)| {
            due.first().copied().filter(|(due_at, _)| *due_at <= now && is_open(medium))
        };
        let (_, place) = self.due.iter().filter_map(first).min()?;
        self.send(&place);
        Some(place)
    }

    /// A message whose time is over, from now on on its way.
    pub fn take_ended(&mut self, now: i64) -> Option<Place> {
        let ended = self.ends.iter().take_while(|(ends_at, _)| *ends_at <= now);
        let place = ended.map(|(_, place)| *place).find(|place| self.is_idle(place))?;
        self.send(&place);
        Some(place)
    }

    /// It came back, and is due again later.
    pub fn put_back(&mut self, place: &Place, due_at: i64) {
        if let Some(mut waiting) = self.waiting.get(place).copied() {
            self.on_the_way.remove(&waiting.recipient);
            waiting.due_at = due_at;
            self.put(*place, waiting);
        }
    }

    /// It came back, and can be neither delivered nor ended before then.
    pub fn leave_alone(&mut self, place: &Place, until: i64) {
        if let Some(waiting) = self.waiting.get(place).copied() {
            self.forget(place);
            self.put(*place, Waiting { due_at: until, ends_at: waiting.ends_at.max(until), ..waiting });
        }
    }

    /// It waits no more.
    pub fn forget(&mut self, place: &Place) {
        let Some(waiting) = self.waiting.remove(place) else { return };
        let recipient = waiting.recipient;
        self.ends.remove(&(waiting.ends_at, *place));
        if self.on_the_way.get(&recipient) == Some(place) {
            self.on_the_way.remove(&recipient);
        }
        if let Some(due) = self.due.get_mut(&waiting.medium) {
            due.remove(&(waiting.due_at, *place));
        }
        if let Some(line) = self.lines.get_mut(&recipient) {
            line.remove(place);
            if line.is_empty() {
                self.lines.remove(&recipient);
            }
        }
        self.with_head(&recipient);
    }

    /// Nothing of this medium goes before then.
    pub fn pause(&mut self, medium: Medium, until: i64) {
        self.paused_until.insert(medium, until);
    }

    pub fn is_paused(&self, medium: Medium, now: i64) -> bool {
        self.paused_until.get(&medium).is_some_and(|until| *until > now)
    }

    /// When there is something to do next, as far as time brings it.
    pub fn next_at(&self) -> Option<i64> {
        let paused = |medium: &Medium| self.paused_until.get(medium).copied().unwrap_or(i64::MIN);
        let due = self.due.iter().filter_map(|(medium, due)| due.first().map(|(at, _)| paused(medium).max(*at)));
        let ends = self.ends.iter().find(|(_, place)| self.is_idle(place)).map(|(at, _)| *at);
        due.chain(ends).min()
    }

    /// Whether none of its line is on its way.
    fn is_idle(&self, place: &Place) -> bool {
        self.waiting.get(place).is_some_and(|waiting| !self.on_the_way.contains_key(&waiting.recipient))
    }

    fn send(&mut self, place: &Place) {
        if let Some(recipient) = self.waiting.get(place).map(|waiting| waiting.recipient) {
            self.without_head(&recipient);
            self.on_the_way.insert(recipient, *place);
        }
    }

    fn head(&self, recipient: &Recipient) -> Option<(Medium, (i64, Place))> {
        let place = *self.lines.get(recipient)?.first()?;
        let waiting = self.waiting.get(&place)?;
        Some((waiting.medium, (waiting.due_at, place)))
    }

    fn without_head(&mut self, recipient: &Recipient) {
        if let Some((medium, entry)) = self.head(recipient) {
            self.due.entry(medium).or_default().remove(&entry);
        }
    }

    fn with_head(&mut self, recipient: &Recipient) {
        if self.on_the_way.contains_key(recipient) {
            return;
        }
        if let Some((medium, entry)) = self.head(recipient) {
            self.due.entry(medium).or_default().insert(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(at: i64) -> Place {
        (at, Uuid::from_u128(at.unsigned_abs().into()))
    }

    fn to(recipient: u8, due_at: i64) -> Waiting {
        Waiting { recipient: [recipient; 32], medium: Medium::Email, due_at, ends_at: 1000 }
    }

    #[test]
    fn a_line_waits_for_its_head_and_for_no_other_line() {
        let mut queue = Queue::default();
        for (at, recipient) in [(1, 1), (2, 1), (3, 2)] {
            queue.put(place(at), to(recipient, at));
        }
        assert_eq!(queue.take(9), Some(place(1)));
        assert_eq!(queue.take(9), Some(place(3)), "the second of the first line waits");
        assert_eq!(queue.take(9), None);
        queue.put_back(&place(1), 20);
        assert_eq!((queue.take(19), queue.next_at()), (None, Some(20)), "it is not overtaken while it waits");
        assert_eq!(queue.take(20), Some(place(1)));
        queue.forget(&place(1));
        assert_eq!(queue.take(20), Some(place(2)));
        queue.forget(&place(2));
        queue.forget(&place(3));
        assert_eq!((queue.take(99), queue.next_at(), queue.on_the_way()), (None, None, 0));
    }

    #[test]
    fn a_pause_holds_one_medium_and_not_the_end_of_its_messages() {
        let mut queue = Queue::default();
        queue.put(place(1), to(1, 1));
        queue.put(place(2), Waiting { medium: Medium::Sms, ..to(2, 1) });
        queue.pause(Medium::Email, 50);
        assert_eq!((queue.take(9), queue.take(9)), (Some(place(2)), None));
        assert_eq!((queue.next_at(), queue.take(50)), (Some(50), Some(place(1))));
        queue.put_back(&place(1), 2000);
        assert_eq!((queue.take_ended(999), queue.take_ended(1000)), (None, Some(place(1))));
    }

    #[test]
    fn what_cannot_even_be_ended_is_left_alone_for_a_while() {
        let mut queue = Queue::default();
        queue.put(place(1), Waiting { ends_at: 10, ..to(1, 1) });
        assert_eq!(queue.take_ended(10), Some(place(1)));
        queue.leave_alone(&place(1), 50);
        assert_eq!((queue.take_ended(49), queue.take(49), queue.next_at()), (None, None, Some(50)));
        assert_eq!(queue.take_ended(50), Some(place(1)));
    }

    #[test]
    fn a_message_can_end_in_the_middle_of_its_line() {
        let mut queue = Queue::default();
        queue.put(place(1), to(1, 500));
        queue.put(place(2), Waiting { ends_at: 10, ..to(1, 2) });
        assert_eq!(queue.take_ended(10), Some(place(2)));
        assert_eq!(queue.take(500), None, "one of the line is on its way");
        queue.forget(&place(2));
        assert_eq!(queue.take(500), Some(place(1)));
    }

    proptest! {
        #[test]
        fn nobody_is_ever_overtaken(steps in proptest::collection::vec((0_u8..4, 0_u8..3, 0_i64..30), 0..200)) {
            let (mut queue, mut written, mut on_the_way) = (Queue::default(), 0, Vec::new());
            let mut left: BTreeMap<Place, u8> = BTreeMap::new();
            for (now, (step, recipient, later)) in steps.into_iter().enumerate() {
                let now = i64::try_from(now).unwrap();
                match step {
                    0 | 1 => {
                        written += 1;
                        queue.put(place(written), to(recipient, now + later % 3));
                        left.insert(place(written), recipient);
                    }
                    2 => if let Some(taken) = queue.take(now) {
                        let whose = left[&taken];
                        let first = left.iter().find(|(_, recipient)| **recipient == whose).map(|(place, _)| *place);
                        prop_assert_eq!(first, Some(taken));
                        prop_assert!(!on_the_way.iter().any(|other| left[other] == whose));
                        on_the_way.push(taken);
                    },
                    _ => if let Some(done) = on_the_way.pop() {
                        if later % 2 == 0 {
                            queue.forget(&done);
                            left.remove(&done);
                        } else {
                            queue.put_back(&done, now + later);
                        }
                    },
                }
                prop_assert_eq!(queue.on_the_way(), on_the_way.len());
            }
            while let Some(taken) = queue.take(10_000) {
                queue.forget(&taken);
                left.remove(&taken);
            }
            prop_assert_eq!(left.len(), on_the_way.iter().map(|place| left[place]).map(|whose| left.values().filter(|other| **other == whose).count()).sum::<usize>());
        }
    }
}
