//! A bounded queue that no caller can fill for others.
//!
//! Sources are served in turn, and so are the users of a source; of one user the first comes first. When the queue is full, a
//! newcomer whose source has fewer waiting than the one with the most, even counting the newcomer, takes the place of the
//! newest there; between the users of one source the same holds. Otherwise the newcomer is refused. So a source that is alone
//! may use the whole queue, and gives way to others until all have the same.

use std::collections::VecDeque;

/// A queue of `T`s that come from sources `S`, each with users `U`.
pub struct FairQueue<S, U, T> {
    /// The source that is next stands first. No line is empty, at either level.
    sources: VecDeque<(S, Users<U, T>)>,
    waiting: usize,
    waiting_max: usize,
}

/// The users of a source, the next one first, and what waits of each, the oldest first.
type Users<U, T> = VecDeque<(U, VecDeque<T>)>;

/// The queue is full, and nobody is to give way.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<S: PartialEq, U: PartialEq + Clone, T> FairQueue<S, U, T> {
    /// A queue in which at most `waiting_max` can wait.
    pub fn new(waiting_max: usize) -> Self {
        FairQueue { sources: VecDeque::new(), waiting: 0, waiting_max }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts `item` behind the others of its user. Gives what had to leave for it.
    pub fn push(&mut self, source: S, user: U, item: T) -> Result<Option<T>, Full> {
        let left = match self.waiting < self.waiting_max {
            true => None,
            false => Some(self.make_room(&source, &user)?),
        };
        line_of(line_of(&mut self.sources, source), user).push_back(item);
        self.waiting += 1;
        Ok(left)
    }

    /// Takes the next one out of those whose user `is_free`.
    pub fn pop(&mut self, is_free: impl Fn(&U) -> bool) -> Option<(U, T)> {
        let next = |users: &Users<U, T>| users.iter().position(|(user, _)| is_free(user));
        let (at, user_at) =
            self.sources.iter().enumerate().find_map(|(at, (_, users))| next(users).map(|user_at| (at, user_at)))?;
        let (source, mut users) = self.sources.remove(at)?;
        let (user, mut line) = users.remove(user_at)?;
        let item = line.pop_front()?;
        self.waiting -= 1;
        // The source and the user go to the end of their rounds.
        if !line.is_empty() {
            users.push_back((user.clone(), line));
        }
        if !users.is_empty() {
            self.sources.push_back((source, users));
        }
        Some((user, item))
    }

    /// Takes one out before its time: the one of a source's user that `is_it`.
    pub fn remove(&mut self, source: &S, user: &U, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let at = self.sources.iter().position(|(key, _)| key == source)?;
        let users = &self.sources[at].1;
        let user_at = users.iter().position(|(key, _)| key == user)?;
        let place = users[user_at].1.iter().position(is_it)?;
        self.take(at, user_at, place)
    }

    /// Takes one out for a newcomer, if one is to give way.
    fn make_room(&mut self, source: &S, user: &U) -> Result<T, Full> {
        let total = |users: &Users<U, T>| users.iter().map(|(_, line)| line.len()).sum();
        let own = self.sources.iter().position(|(key, _)| key == source);
        let own_total: usize = own.map_or(0, |own| total(&self.sources[own].1));
        let (longest, longest_total) = most(self.sources.iter().map(|(_, users)| total(users))).ok_or(Full)?;
        let (at, user_total) = if own_total + 1 < longest_total {
            (longest, None)
        } else {
            let own = own.ok_or(Full)?;
            let line = self.sources[own].1.iter().find(|(key, _)| key == user);
            (own, Some(line.map_or(0, |(_, line)| line.len())))
        };
        let (user_at, most_of_a_user) = most(self.sources[at].1.iter().map(|(_, line)| line.len())).ok_or(Full)?;
        if user_total.is_some_and(|total| total + 1 >= most_of_a_user) {
            return Err(Full);
        }
        self.take(at, user_at, most_of_a_user - 1).ok_or(Full)
    }

    fn take(&mut self, at: usize, user_at: usize, place: usize) -> Option<T> {
        let users = &mut self.sources.get_mut(at)?.1;
        let line = &mut users.get_mut(user_at)?.1;
        let taken = line.remove(place)?;
        self.waiting -= 1;
        if line.is_empty() {
            users.remove(user_at);
        }
        if users.is_empty() {
            self.sources.remove(at);
        }
        Some(taken)
    }
}

/// What stands under `key`, begun at the end of the round if there is nothing yet.
fn line_of<K: PartialEq, L: Default>(round: &mut VecDeque<(K, L)>, key: K) -> &mut L {
    let at = round.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
        round.push_back((key, L::default()));
        round.len() - 1
    });
    &mut round[at].1
}

/// The greatest and where it stands; of equals the last.
fn most(totals: impl Iterator<Item = usize>) -> Option<(usize, usize)> {
    totals.enumerate().max_by_key(|(_, total)| *total)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    type Queue = FairQueue<char, u8, u32>;

    /// A queue of so many at most, and what has come: source, user, number.
    fn queue(waiting_max: usize, came: &[(char, u8, u32)]) -> Queue {
        let mut queue = Queue::new(waiting_max);
        came.iter().for_each(|(source, user, number)| assert_eq!(queue.push(*source, *user, *number), Ok(None)));
        queue
    }

    fn drained(mut queue: Queue) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(|_| true)).map(|(_, number)| number).collect()
    }

    #[test]
    fn sources_take_turns_and_so_do_the_users_of_a_source() {
        let came = [('a', 1, 1), ('a', 1, 2), ('a', 1, 3), ('a', 2, 4), ('b', 1, 5), ('b', 1, 6), ('c', 3, 7)];
        assert_eq!(drained(queue(9, &came)), [1, 5, 7, 4, 6, 2, 3]);
    }

    #[test]
    fn who_is_not_free_is_passed_over_and_keeps_the_place() {
        let mut queue = queue(9, &[('a', 1, 1), ('a', 2, 2), ('b', 1, 3)]);
        assert_eq!(queue.pop(|user| *user != 1), Some((2, 2)));
        assert_eq!(queue.pop(|user| *user != 1), None);
        assert_eq!(queue.waiting(), 2);
        assert_eq!(queue.pop(|_| true), Some((1, 3)));
        assert_eq!(queue.pop(|_| true), Some((1, 1)));
    }

    #[test]
    fn a_source_that_is_alone_fills_the_queue_and_the_newest_of_it_gives_way_to_others() {
        let mut queue = queue(4, &[('a', 1, 1), ('a', 1, 2), ('a', 1, 3), ('a', 1, 4)]);
        assert_eq!(queue.push('a', 1, 5), Err(Full));
        assert_eq!(queue.push('b', 1, 6), Ok(Some(4)));
        assert_eq!(queue.push('b', 1, 7), Ok(Some(3)));
        // Now both have two: a third one of either would only take what it lets the other have.
        assert_eq!((queue.push('a', 1, 8), queue.push('b', 1, 9)), (Err(Full), Err(Full)));
        // One whose source has nothing waiting is better off than it leaves the other.
        assert_eq!(queue.push('c', 1, 10), Ok(Some(7)));
        assert_eq!(drained(queue), [1, 6, 10, 2]);
    }

    #[test]
    fn one_user_gives_way_to_others_of_the_same_source() {
        let mut queue = queue(4, &[('a', 1, 1), ('a', 1, 2), ('a', 1, 3), ('a', 2, 4)]);
        assert_eq!(queue.push('a', 2, 5), Ok(Some(3)));
        assert_eq!((queue.push('a', 1, 6), queue.push('a', 2, 7)), (Err(Full), Err(Full)));
        assert_eq!(queue.push('a', 3, 8), Ok(Some(5)));
        assert_eq!(drained(queue), [1, 4, 8, 2]);
    }

    #[test]
    fn what_is_removed_makes_room() {
        let mut queue = queue(2, &[('a', 1, 1), ('a', 1, 2)]);
        assert_eq!(queue.remove(&'a', &1, |number| *number == 7), None);
        assert_eq!(queue.remove(&'b', &1, |number| *number == 1), None);
        assert_eq!(queue.remove(&'a', &1, |number| *number == 1), Some(1));
        assert_eq!(queue.push('a', 1, 3), Ok(None));
        assert_eq!(drained(queue), [2, 3]);
    }

    #[test]
    fn a_queue_without_places_refuses() {
        assert_eq!(Queue::new(0).push('a', 1, 1), Err(Full));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8, u8),
        Pop(u8),
        Remove(u8, u8, u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..5u8, 0..3u8).prop_map(|(source, user)| Step::Push(source, user)),
            3 => (0..4u8).prop_map(Step::Pop),
            1 => (0..5u8, 0..3u8, 0..60u32).prop_map(|(source, user, number)| Step::Remove(source, user, number)),
        ];
        proptest::collection::vec(step, 0..80)
    }

    proptest! {
        /// Against a list of all that waits: nothing is lost, nothing comes twice, the bound holds, whoever leaves for another
        /// was of those with the most, and nobody is refused who has less than another can spare.
        #[test]
        fn it_keeps_what_it_takes_and_is_fair_about_what_it_refuses(steps in steps(), waiting_max in 0..12usize) {
            let mut queue = FairQueue::new(waiting_max);
            let mut waiting: Vec<(u8, u8, u32)> = Vec::new();
            for (number, step) in (0..).zip(steps) {
                let of_source = |waiting: &[(u8, u8, u32)], source| waiting.iter().filter(|it| it.0 == source).count();
                let of_user = |waiting: &[(u8, u8, u32)], source, user| {
                    waiting.iter().filter(|it| (it.0, it.1) == (source, user)).count()
                };
                match step {
                    Step::Push(source, user) => match queue.push(source, user, number) {
                        Ok(None) => {
                            prop_assert!(waiting.len() < waiting_max);
                            waiting.push((source, user, number));
                        }
                        Ok(Some(left)) => {
                            let at = waiting.iter().position(|it| it.2 == left).unwrap();
                            let (from, whose, _) = waiting[at];
                            let others = |it: &&(u8, u8, u32)| (it.0, it.1) == (from, whose);
                            prop_assert_eq!(waiting.iter().rfind(others).unwrap().2, left);
                            if from == source {
                                prop_assert!(of_user(&waiting, source, user) + 1 < of_user(&waiting, from, whose));
                            } else {
                                prop_assert!(of_source(&waiting, source) + 1 < of_source(&waiting, from));
                                prop_assert!((0..5).all(|it| of_source(&waiting, it) <= of_source(&waiting, from)));
                            }
                            waiting.remove(at);
                            waiting.push((source, user, number));
                        }
                        Err(Full) => {
                            prop_assert_eq!(waiting.len(), waiting_max);
                            let own = of_source(&waiting, source) + 1;
                            prop_assert!((0..5).all(|it| of_source(&waiting, it) <= own));
                            let own = of_user(&waiting, source, user) + 1;
                            prop_assert!((0..3).all(|it| of_user(&waiting, source, it) <= own));
                        }
                    },
                    Step::Pop(busy) => match queue.pop(|user| *user != busy) {
                        Some((user, number)) => {
                            let at = waiting.iter().position(|it| it.2 == number).unwrap();
                            let first = waiting.iter().find(|it| (it.0, it.1) == (waiting[at].0, user)).unwrap();
                            prop_assert!(first.2 == number && user != busy && waiting[at].1 == user);
                            waiting.remove(at);
                        }
                        None => prop_assert!(waiting.iter().all(|it| it.1 == busy)),
                    },
                    Step::Remove(source, user, number) => {
                        let removed = queue.remove(&source, &user, |it| *it == number);
                        let at = waiting.iter().position(|it| *it == (source, user, number));
                        prop_assert_eq!(removed, at.map(|at| waiting.remove(at).2));
                    }
                }
                prop_assert_eq!(queue.waiting(), waiting.len());
            }
        }

        /// Whatever waits already, the first of a source that comes is served within one round of sources.
        #[test]
        fn nobody_starves(came in proptest::collection::vec((0..6u8, 0..3u8), 0..40)) {
            let mut queue = FairQueue::new(100);
            (0..).zip(&came).for_each(|(number, (source, user))| drop(queue.push(*source, *user, number)));
            queue.push(9, 0, u32::MAX).unwrap();
            let sources: HashSet<u8> = came.iter().map(|(source, _)| *source).collect();
            let mut served: HashMap<u8, usize> = HashMap::new();
            for _ in 0..=sources.len() {
                let (_, number) = queue.pop(|_| true).unwrap();
                if number == u32::MAX {
                    return Ok(());
                }
                *served.entry(came[number as usize].0).or_default() += 1;
                // While it waits, nobody else is served twice.
                prop_assert!(served.values().all(|times| *times == 1));
            }
            prop_assert!(false, "it was not served within a round");
        }
    }
}
