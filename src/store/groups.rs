//! Groups, and who is in them.
//!
//! A membership stands twice: beside the user, by the group's name, and beside the group, by its id. Both change only with
//! the user's record. Deleting a group takes its own record away at once, which ends its memberships; what they leave is
//! swept later, however many they were.

use super::key::{self, Part as _, key};
use super::records::{Group, GroupRemoval, Member, Membership, User};
use super::{Batch, Failure, Owner, Record, Store, Stored, UserKey};
use crate::domain::ids::{GroupId, PoolId, Sub};

key! {
    /// A group.
    GroupKey = 0x1A { pool: PoolId, name: String } -> Group
}

key! {
    /// That a user is in a group, by group.
    MemberKey = 0x1B { pool: PoolId, group: GroupId, sub: Sub } -> Member
}

key! {
    /// A group that is gone for everybody, but whose memberships are still being swept.
    GroupRemovalKey = 0x1C { pool: PoolId, group: GroupId } -> GroupRemoval
}

key! {
    /// That a user is in a group, by user. Only the group's record can say whether it is still so.
    MembershipKey = user 0x08 { group: String } -> Membership
}

impl Record for Group {}
impl Record for GroupRemoval {}
impl Record for Member {}
impl Record for Membership {}

pub(super) const GROUPS: u8 = 0x1A;
pub(super) const MEMBERS: u8 = 0x1B;
pub(super) const GROUP_REMOVALS: u8 = 0x1C;

impl GroupKey {
    /// The prefix of all groups of a pool.
    pub fn prefix(pool: &PoolId) -> Vec<u8> {
        let mut prefix = vec![GROUPS];
        pool.write(&mut prefix);
        prefix
    }
}

impl MemberKey {
    /// The prefix of all members of a group.
    pub fn prefix(pool: &PoolId, group: GroupId) -> Vec<u8> {
        let mut prefix = vec![MEMBERS];
        pool.write(&mut prefix);
        group.write(&mut prefix);
        prefix
    }
}

impl GroupRemovalKey {
    /// The prefix of all groups that are being removed.
    pub const PREFIX: &'static [u8] = &[GROUP_REMOVALS];
}

impl MembershipKey {
    /// The prefix of all memberships of a user.
    pub fn prefix(owner: &Owner) -> Vec<u8> {
        let mut prefix = owner.prefix();
        prefix.push(0x08);
        prefix
    }
}

impl Membership {
    /// Whether it is one in the group of this id.
    pub fn is_in(&self, group: GroupId) -> bool {
        self.group == group.0.as_bytes()
    }
}

/// Takes away a membership and its place in the index. The batch fails if the user, or a membership of the user, has changed
/// since `user` was read; the membership must have been read after it.
pub fn remove_membership(batch: &mut Batch, user: &Stored<User>, membership: &MembershipKey, group: GroupId) {
    let owner = &membership.owner;
    let key = UserKey { owner: owner.clone() };
    batch.expect(&key, Some(user));
    batch.put(&key, &User { memberships: user.memberships.saturating_sub(1), ..user.record.clone() });
    batch.delete(membership);
    batch.delete(&MemberKey { pool: owner.pool.clone(), group, sub: owner.sub });
}

/// Memberships removed in one batch: one user who changes meanwhile makes all of them wait.
const MEMBERS_SWEPT_PER_BATCH: usize = 64;

/// Removes one batch of what a removed group has left. Gives whether more may remain. In a removed group nobody is put, so
/// what was swept once stays so.
pub async fn sweep_removed_group(store: &dyn Store, removal: &GroupRemovalKey, name: &str) -> Result<bool, Failure> {
    let (pool, group) = (&removal.pool, removal.group);
    let members = store.list::<MemberKey>(&MemberKey::prefix(pool, group), None, MEMBERS_SWEPT_PER_BATCH).await?;
    let mut batch = Batch::default();
    for (member, _) in &members {
        let owner = Owner { pool: pool.clone(), sub: member.sub };
        let user = store.read(&UserKey { owner: owner.clone() }).await?;
        let key = MembershipKey { owner, group: name.to_owned() };
        match (user, store.read(&key).await?) {
            (Some(user), Some(membership)) if membership.is_in(group) => {
                remove_membership(&mut batch, &user, &key, group);
            }
            // The user is gone, or is in a later group of that name.
            _ => batch.delete(member),
        }
    }
    if members.is_empty() {
        batch.delete(removal);
    }
    match store.commit(batch).await {
        Ok(()) => Ok(!members.is_empty()),
        Err(Failure::Conflict) => Ok(true),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::SledStore;

    /// A store with a group that has been removed, and one of the same name that came after it.
    struct Scene {
        store: Box<dyn Store>,
        _folder: tempfile::TempDir,
    }

    const REMOVED: GroupId = GroupId(Uuid::from_u128(1));
    const LATER: GroupId = GroupId(Uuid::from_u128(2));

    fn owner(number: u128) -> Owner {
        Owner { pool: PoolId("us-east-1_Example12".into()), sub: Sub(Uuid::from_u128(number)) }
    }

    fn member(number: u128, group: GroupId) -> MemberKey {
        let Owner { pool, sub } = owner(number);
        MemberKey { pool, group, sub }
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Box::new(SledStore::open(folder.path(), 8 * 1024 * 1024).unwrap());
            Scene { store, _folder: folder }
        }

        /// A user who came into these groups of one name, in turn, and into another.
        async fn user(&self, number: u128, groups: &[GroupId]) {
            let mut batch = Batch::default();
            batch.put(&UserKey { owner: owner(number) }, &User { memberships: 2, ..User::default() });
            for (name, group) in groups.iter().map(|group| ("staff", *group)).chain([("other", GroupId(Uuid::max()))]) {
                let key = MembershipKey { owner: owner(number), group: name.into() };
                batch.put(&key, &Membership { group: group.0.as_bytes().to_vec() });
                batch.put(&member(number, group), &Member {});
            }
            self.store.commit(batch).await.unwrap();
        }

        /// Sweeps to the end. Gives in how many batches.
        async fn sweep(&self) -> usize {
            let removal = GroupRemovalKey { pool: owner(0).pool, group: REMOVED };
            let mut batch = Batch::default();
            batch.put(&removal, &GroupRemoval { name: "staff".into(), requested_at: 0 });
            self.store.commit(batch).await.unwrap();
            let mut batches = 0;
            while sweep_removed_group(&*self.store, &removal, "staff").await.unwrap() {
                batches += 1;
            }
            assert!(self.store.read(&removal).await.unwrap().is_none());
            assert!(
                self.store
                    .list::<MemberKey>(&MemberKey::prefix(&removal.pool, REMOVED), None, 1)
                    .await
                    .unwrap()
                    .is_empty()
            );
            batches
        }

        /// How many memberships a user's record counts, and in which group of the name it is.
        async fn standing(&self, number: u128) -> (Option<u32>, Option<Vec<u8>>) {
            let user = self.store.read(&UserKey { owner: owner(number) }).await.unwrap();
            let key = MembershipKey { owner: owner(number), group: "staff".into() };
            let membership = self.store.read(&key).await.unwrap();
            (user.map(|user| user.memberships), membership.map(|membership| membership.record.group))
        }
    }

    #[tokio::test]
    async fn memberships_of_a_removed_group_go_however_many_they_are() {
        let scene = Scene::new();
        let members = 2 * MEMBERS_SWEPT_PER_BATCH as u128 + 1;
        for number in 0..members {
            scene.user(number, &[REMOVED]).await;
        }
        assert_eq!(scene.sweep().await, 3);
        for number in 0..members {
            assert_eq!(scene.standing(number).await, (Some(1), None));
        }
    }

    #[tokio::test]
    async fn a_membership_in_a_later_group_of_the_name_stays() {
        let scene = Scene::new();
        scene.user(1, &[REMOVED, LATER]).await;
        scene.sweep().await;
        assert_eq!(scene.standing(1).await, (Some(2), Some(LATER.0.as_bytes().to_vec())));
        assert!(scene.store.read(&member(1, LATER)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_user_who_is_gone_is_no_hindrance() {
        let scene = Scene::new();
        scene.user(1, &[REMOVED]).await;
        let mut batch = Batch::default();
        batch.delete(&UserKey { owner: owner(1) });
        scene.store.commit(batch).await.unwrap();
        assert_eq!(scene.sweep().await, 1);
        assert_eq!(scene.standing(1).await.0, None);
    }
}
