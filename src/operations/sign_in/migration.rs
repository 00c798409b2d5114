//! A sign-in by password under a name that nobody has, in a pool that asks a function for such users (reference 8.2).
//!
//! The attempt is counted under the name before the function is asked, so that it cannot be used to guess elsewhere without end.

use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::triggers::user_migration::Moment;
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::error::Error;
use crate::store::Batch;

/// The user who has come over, and whose sign-in goes on. Nobody, where the pool asks for no users. A name that is not known
/// elsewhere either is refused, as it is in every pool.
pub async fn arrival(cx: &Cx<'_>, client: &Client, name: &str, password: &str) -> Result<Option<User>, Error> {
    if !client.asks_for_users() {
        return Ok(None);
    }
    let password = Secret::new(password.to_owned());
    let owner = cx.nobody(&client.pool, name);
    let attempt = Attempt::begin_without_hash(cx, &owner).await?;
    let arrived = attempt.evaluate(cx, cx.migrate(client, name, Moment::SignIn(&password))).await?;
    if arrived.is_some() {
        let mut batch = Batch::default();
        attempt.forgive(&mut batch);
        cx.store.commit(batch).await?;
        return Ok(arrived);
    }
    if !client.hides_user_existence() {
        return Err(Error::UserDoesNotExist);
    }
    // As is done about every other name.
    let place = cx.hashing_place(Some(&owner)).await?;
    cx.passwords.verify_nobody(&place, &password).await?;
    Err(Error::IncorrectUsernameOrPassword)
}

/// The password of a beginning in which the user chooses to give it.
pub fn chosen_password<'a>(chosen: Option<&str>, password: Option<&'a str>) -> Option<&'a str> {
    password.filter(|_| chosen == Some("PASSWORD"))
}
