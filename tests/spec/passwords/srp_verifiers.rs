//! SRP verifiers: where a client lets passwords be proved by SRP there is one of every password that was set, and
//! elsewhere none.

use std::pin::Pin;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, message_action};
use cognate::context::Cx;
use cognate::domain::ids::PoolId;
use cognate::store::records::SrpVerifier;
use cognate::store::{Batch, Key as _, SrpVerifierKey, SrpVerifierRemovalKey, sweep_srp_verifiers};
use num_bigint::BigUint;

use super::NEW_PASSWORD;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD, TestClient, answer, named};
use crate::support::{World, at_once, srp};

type Flows = Vec<ExplicitAuthFlow>;

/// Something that is done at the same time as others.
type Done<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Flows with which a pool keeps no verifiers.
fn by_password() -> Flows {
    vec![ExplicitAuthFlow::AllowUserPasswordAuth, ExplicitAuthFlow::AllowRefreshTokenAuth]
}

fn by_srp() -> Flows {
    [by_password(), vec![ExplicitAuthFlow::AllowUserSrpAuth]].concat()
}

async fn client(world: &World, pool: &str, flows: &Flows) -> TestClient {
    let flows = flows.iter().map(|flow| i32::from(*flow)).collect();
    world.client(pool, |request| request.explicit_auth_flows = flows).await
}

async fn set_flows(world: &World, client: &TestClient, flows: &Flows) {
    let request = api::UpdateUserPoolClientRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: Some(client.id.clone()),
        explicit_auth_flows: flows.iter().map(|flow| i32::from(*flow)).collect(),
        ..Default::default()
    };
    world.call(request).await.unwrap();
}

async fn delete_client(world: &World, client: &TestClient) {
    let (user_pool_id, client_id) = (Some(client.pool.clone()), Some(client.id.clone()));
    world.call(api::DeleteUserPoolClientRequest { user_pool_id, client_id }).await.unwrap();
}

/// A user's own name, the version of their password, and the verifier that is kept of them.
async fn kept(world: &World, pool: &str, username: &str) -> (String, u64, Option<(SrpVerifierKey, SrpVerifier)>) {
    let cx = Cx::new(&world.app.services);
    let user = cx.user_named(&cx.pool(pool).await.unwrap(), username).await.unwrap().unwrap();
    let key = SrpVerifierKey { owner: user.owner.clone() };
    let verifier = cx.store.read(&key).await.unwrap().map(|stored| (key, stored.record));
    (user.record.username.clone(), user.record.password_version, verifier)
}

async fn has_verifier(world: &World, pool: &str, username: &str) -> bool {
    kept(world, pool, username).await.2.is_some()
}

/// The verifier is of this password and of no other.
async fn assert_is_of(world: &World, pool: &str, username: &str, password: &str) {
    let (name, version, verifier) = kept(world, pool, username).await;
    let (key, record) = verifier.expect("there is a verifier");
    assert_eq!(record.password_version, version);
    let opened = world.app.services.sealer.open(&key.encoded(), &record.sealed).unwrap();
    let (salt, number) = opened.expose().split_at(16);
    let number = BigUint::from_bytes_be(number);
    assert_eq!(number, srp::verifier(pool, &name, password, salt), "{username}");
    assert_ne!(number, srp::verifier(pool, &name, "An0ther-one!", salt), "{username}");
}

async fn is_swept(world: &World, pool: &str) {
    let (store, removal) = (&*world.app.services.store, SrpVerifierRemovalKey { pool: PoolId(pool.to_owned()) });
    while store.read(&removal).await.unwrap().is_some() {
        sweep_srp_verifiers(store, &removal).await.unwrap();
    }
}

/// Has a password set in every way that there is. Gives after each who has which password then.
async fn set_in_every_way(
    world: &World,
    client: &TestClient,
    mut after: impl AsyncFnMut(&'static str, &'static str, &'static str),
) {
    let pool = &client.pool;
    world.sign_up(client, "alice").await;
    after("SignUp", "alice", PASSWORD).await;
    let code = world.code_for("alice").await;
    world.confirm(client, "alice", &code).await.unwrap();
    let token = world.sign_in(client, "alice").await.access_token.unwrap();
    after("a sign-in", "alice", PASSWORD).await;
    world.change_password(&token, PASSWORD, NEW_PASSWORD).await.unwrap();
    after("ChangePassword", "alice", NEW_PASSWORD).await;
    world.forgot(client, "alice").await.unwrap();
    let code = world.code_for("alice").await;
    world.confirm_forgot(client, "alice", &code, PASSWORD).await.unwrap();
    after("ConfirmForgotPassword", "alice", PASSWORD).await;
    world.reset_password(pool, "alice").await.unwrap();
    after("AdminResetUserPassword", "alice", PASSWORD).await;
    world.set_password(pool, "alice", NEW_PASSWORD).await.unwrap();
    after("AdminSetUserPassword", "alice", NEW_PASSWORD).await;

    let made_up = |request: &mut api::AdminCreateUserRequest| {
        request.message_action = None;
        request.desired_delivery_mediums = vec![api::delivery_medium::Value::Email.into()];
        request.temporary_password = Some(PASSWORD.to_owned());
    };
    world.create_user(pool, "bob", made_up).await.unwrap();
    after("AdminCreateUser", "bob", PASSWORD).await;
    let again = |request: &mut api::AdminCreateUserRequest| {
        made_up(request);
        request.message_action = Some(message_action::Value::Resend.into());
        request.temporary_password = Some(NEW_PASSWORD.to_owned());
    };
    world.create_user(pool, "bob", again).await.unwrap();
    after("AdminCreateUser with RESEND", "bob", NEW_PASSWORD).await;
    world.set_temporary_password(pool, "bob", TEMPORARY_PASSWORD).await.unwrap();
    after("AdminSetUserPassword, temporary", "bob", TEMPORARY_PASSWORD).await;
    let asked = world.call(client.password_request("bob", TEMPORARY_PASSWORD)).await.unwrap();
    let responses = [("USERNAME", "bob".to_owned()), ("NEW_PASSWORD", PASSWORD.to_owned())];
    world.call(answer(client, ChallengeName::NewPasswordRequired, asked.session(), responses)).await.unwrap();
    after("NEW_PASSWORD_REQUIRED", "bob", PASSWORD).await;
}

spec! {
    async fn where_a_client_signs_in_by_srp_every_password_that_is_set_has_its_verifier(world: World) {
        for flows in [by_srp(), [by_password(), vec![ExplicitAuthFlow::AllowUserAuth]].concat()] {
            let pool = world.pool(|_| {}).await;
            let client = client(&world, &pool, &flows).await;
            set_in_every_way(&world, &client, async |_, username, password| {
                assert_is_of(&world, &pool, username, password).await;
            })
            .await;
        }
    }
}

spec! {
    async fn where_no_client_does_there_is_none(world: World) {
        let pool = world.pool(|_| {}).await;
        // Another pool's clients are no concern of this one.
        client(&world, &world.pool(|_| {}).await, &by_srp()).await;
        let client = client(&world, &pool, &by_password()).await;
        set_in_every_way(&world, &client, async |way, username, _| {
            assert!(!has_verifier(&world, &pool, username).await, "{way}");
        })
        .await;
    }
}

spec! {
    async fn the_right_password_brings_the_verifier_that_is_missing_or_of_an_older_one(world: World) {
        let pool = world.pool(|_| {}).await;
        let old = client(&world, &pool, &by_password()).await;
        world.confirmed_user(&old, "alice").await;
        client(&world, &pool, &by_srp()).await;
        assert!(!has_verifier(&world, &pool, "alice").await);
        world.try_password(&old, "alice", "Wr0ng-one!").await.unwrap_err();
        assert!(!has_verifier(&world, &pool, "alice").await);
        world.sign_in(&old, "alice").await;
        assert_is_of(&world, &pool, "alice", PASSWORD).await;

        let (_, version, verifier) = kept(&world, &pool, "alice").await;
        let (key, record) = verifier.unwrap();
        let mut batch = Batch::default();
        batch.put(&key, &SrpVerifier { sealed: vec![7; 400], password_version: version + 1 });
        world.app.services.store.commit(batch).await.unwrap();
        world.sign_in(&old, "alice").await;
        assert_is_of(&world, &pool, "alice", PASSWORD).await;
        // One that serves is left alone.
        let sealed = kept(&world, &pool, "alice").await.2.unwrap().1.sealed;
        assert_ne!(sealed, record.sealed);
        world.sign_in(&old, "alice").await;
        assert_eq!(kept(&world, &pool, "alice").await.2.unwrap().1.sealed, sealed);
    }
}

spec! {
    async fn a_temporary_password_that_is_proved_brings_it_too(world: World) {
        let pool = world.pool(|_| {}).await;
        let old = client(&world, &pool, &by_password()).await;
        world.create_user(&pool, "alice", |_| {}).await.unwrap();
        client(&world, &pool, &by_srp()).await;
        world.try_password(&old, "alice", TEMPORARY_PASSWORD).await.unwrap();
        assert_is_of(&world, &pool, "alice", TEMPORARY_PASSWORD).await;
    }
}

spec! {
    async fn spellings_that_count_as_the_same_are_one_name(world: World) {
        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = client(&world, &pool, &by_srp()).await;
        world.sign_up(&client, "Alice").await;
        let (name, _, verifier) = kept(&world, &pool, "ALICE").await;
        assert_eq!(name, "Alice");
        let (key, record) = verifier.unwrap();
        let opened = world.app.services.sealer.open(&key.encoded(), &record.sealed).unwrap();
        let (salt, number) = opened.expose().split_at(16);
        assert_eq!(BigUint::from_bytes_be(number), srp::verifier(&pool, "alice", PASSWORD, salt));
    }
}

spec! {
    async fn with_the_last_client_that_needs_them_the_verifiers_go(world: World) {
        for by_deletion in [false, true] {
            let pool = world.pool(|_| {}).await;
            let stays = client(&world, &pool, &by_password()).await;
            let (first, last) = (client(&world, &pool, &by_srp()).await, client(&world, &pool, &by_srp()).await);
            world.confirmed_user(&stays, "alice").await;
            for ends in [&first, &last] {
                assert!(has_verifier(&world, &pool, "alice").await);
                match by_deletion {
                    true => delete_client(&world, ends).await,
                    false => set_flows(&world, ends, &by_password()).await,
                }
                is_swept(&world, &pool).await;
            }
            assert!(!has_verifier(&world, &pool, "alice").await);
            world.set_password(&pool, "alice", NEW_PASSWORD).await.unwrap();
            assert!(!has_verifier(&world, &pool, "alice").await);
            // And they come again with the next client.
            client(&world, &pool, &vec![]).await;
            world.set_password(&pool, "alice", PASSWORD).await.unwrap();
            assert_is_of(&world, &pool, "alice", PASSWORD).await;
        }
    }
}

spec! {
    async fn a_pool_that_needs_them_again_before_they_are_swept_keeps_them(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = client(&world, &pool, &by_srp()).await;
        world.confirmed_user(&client, "alice").await;
        // The service's own sweeper is quick, but whatever it leaves must serve.
        for _ in 0..5 {
            set_flows(&world, &client, &by_password()).await;
            set_flows(&world, &client, &by_srp()).await;
        }
        is_swept(&world, &pool).await;
        world.sign_in(&client, "alice").await;
        assert_is_of(&world, &pool, "alice", PASSWORD).await;
    }
}

spec! {
    async fn clients_that_end_at_once_while_passwords_are_set_leave_no_verifier(world: World) {
        for _ in 0..5 {
            let pool = world.pool(|_| {}).await;
            let stays = client(&world, &pool, &by_password()).await;
            let clients = [client(&world, &pool, &by_srp()).await, client(&world, &pool, &by_srp()).await];
            world.confirmed_user(&stays, "alice").await;
            let ends = clients.iter().map(|client| Box::pin(delete_client(&world, client)) as Done<'_>);
            let sets = (0..4).map(|_| Box::pin(async {
                world.set_password(&pool, "alice", NEW_PASSWORD).await.unwrap();
            }) as Done<'_>);
            at_once(ends.chain(sets)).await;
            is_swept(&world, &pool).await;
            assert!(!has_verifier(&world, &pool, "alice").await);
        }
    }
}

spec! {
    async fn a_deleted_users_verifier_is_swept_with_all_else(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = client(&world, &pool, &by_srp()).await;
        world.confirmed_user(&client, "alice").await;
        let (key, _) = kept(&world, &pool, "alice").await.2.unwrap();
        let (user_pool_id, username) = named(&pool, "alice");
        world.call(api::AdminDeleteUserRequest { user_pool_id, username }).await.unwrap();
        let store = &*world.app.services.store;
        while cognate::store::sweep_removed_user(store, &key.owner).await.unwrap() {}
        assert!(store.read(&key).await.unwrap().is_none());
    }
}
