mod admin_add_user_to_group;
mod admin_list_groups_for_user;
mod admin_remove_user_from_group;
mod claims;
mod create_group;
mod delete_group;
mod get_group;
mod list_groups;
mod list_users_in_group;
mod races;
mod update_group;

use cognate::api;
use cognate::store::{GroupRemovalKey, sweep_removed_group};

use crate::support::{Refusal, World, refusal};

const NOWHERE: &str = "us-east-1_Nowhere12";

fn no_group() -> Refusal {
    refusal("ResourceNotFoundException", "Group not found.")
}

fn no_pool() -> Refusal {
    refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist.")
}

fn no_user() -> Refusal {
    refusal("UserNotFoundException", "User does not exist.")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A request for a group of this name and nothing else.
fn named(pool: &str, name: &str) -> api::CreateGroupRequest {
    api::CreateGroupRequest { user_pool_id: some(pool), group_name: some(name), ..Default::default() }
}

async fn try_create(world: &World, request: api::CreateGroupRequest) -> Result<api::Group, Refusal> {
    world.call(request).await.map(|response| response.group.unwrap())
}

pub async fn create(world: &World, pool: &str, name: &str) -> api::Group {
    try_create(world, named(pool, name)).await.unwrap()
}

async fn get(world: &World, pool: &str, name: &str) -> Result<api::Group, Refusal> {
    let request = api::GetGroupRequest { user_pool_id: some(pool), group_name: some(name) };
    world.call(request).await.map(|response| response.group.unwrap())
}

async fn delete(world: &World, pool: &str, name: &str) -> Result<(), Refusal> {
    world.call(api::DeleteGroupRequest { user_pool_id: some(pool), group_name: some(name) }).await
}

pub async fn add(world: &World, pool: &str, username: &str, group: &str) -> Result<(), Refusal> {
    let (user_pool_id, username, group_name) = (some(pool), some(username), some(group));
    world.call(api::AdminAddUserToGroupRequest { user_pool_id, username, group_name }).await
}

async fn remove(world: &World, pool: &str, username: &str, group: &str) -> Result<(), Refusal> {
    let (user_pool_id, username, group_name) = (some(pool), some(username), some(group));
    world.call(api::AdminRemoveUserFromGroupRequest { user_pool_id, username, group_name }).await
}

fn names(groups: &[api::Group]) -> Vec<String> {
    groups.iter().map(|group| group.group_name().to_owned()).collect()
}

/// The names of the groups that a user is in.
async fn groups_of(world: &World, pool: &str, username: &str) -> Vec<String> {
    let request =
        api::AdminListGroupsForUserRequest { user_pool_id: some(pool), username: some(username), ..Default::default() };
    names(&world.call(request).await.unwrap().groups)
}

/// The names of the users in a group, in alphabetical order.
async fn members(world: &World, pool: &str, group: &str) -> Vec<String> {
    let request =
        api::ListUsersInGroupRequest { user_pool_id: some(pool), group_name: some(group), ..Default::default() };
    let mut names: Vec<String> =
        world.call(request).await.unwrap().users.iter().map(|user| user.username().to_owned()).collect();
    names.sort();
    names
}

/// Has what deleted groups have left swept away.
async fn sweep(world: &World) {
    let store = &*world.app.services.store;
    while let Some((key, removal)) = store.list(GroupRemovalKey::PREFIX, None, 1).await.unwrap().into_iter().next() {
        sweep_removed_group(store, &key, &removal.name).await.unwrap();
    }
}
