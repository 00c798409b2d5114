//! Where a user is signed in.

mod admin_user_global_sign_out;
mod global_sign_out;

use crate::context::users::User;
use crate::store::{Batch, records};

/// With the batch, every token that the user has been issued is refused.
fn end_every_sign_in(batch: &mut Batch, user: &User) {
    let generation = user.record.generation + 1;
    user.replace(batch, &records::User { generation, ..user.record.record.clone() });
}
