//! Groups of users: named in tokens, so that other services can decide by them.

mod admin_add_user_to_group;
mod admin_list_groups_for_user;
mod admin_remove_user_from_group;
mod create_group;
mod delete_group;
mod get_group;
mod list_groups;
mod list_users_in_group;
mod update_group;

use super::{page_size, timestamp};
use crate::api;
use crate::store::records;

/// As many as Cognito allows.
const GROUPS_PER_POOL_MAX: usize = 10_000;

/// As many as Cognito allows.
const GROUPS_PER_USER_MAX: usize = 100;

/// A group with every setting.
fn description(group: &records::Group) -> api::Group {
    api::Group {
        group_name: Some(group.name.clone()),
        user_pool_id: Some(group.pool.clone()),
        description: group.description.clone(),
        role_arn: group.role_arn.clone(),
        precedence: group.precedence,
        last_modified_date: timestamp(group.modified_at),
        creation_date: timestamp(group.created_at),
    }
}
