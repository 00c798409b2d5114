//! `GetUserAuthFactors`.

use cognate::api::{self, Op, auth_factor};
use serde_json::json;

use super::{asks_for_a_token_that_stands, signed_in};
use crate::spec;
use crate::support::{Wire, World};
use crate::wire::post_json;

spec! {
    async fn users_have_their_password(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        let request = api::GetUserAuthFactorsRequest { access_token: Some(token) };
        let expected = api::GetUserAuthFactorsResponse {
            username: "alice".to_owned(),
            configured_user_auth_factors: vec![auth_factor::Value::Password.into()],
            ..Default::default()
        };
        assert_eq!(world.call(request).await, Ok(expected));
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        asks_for_a_token_that_stands(&world, |access_token| api::GetUserAuthFactorsRequest { access_token }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = signed_in(&world, &client, "alice").await;
    let reply = post_json(&world, Op::GetUserAuthFactors, &json!({"AccessToken": token})).await;
    let expected = json!({"Username": "alice", "ConfiguredUserAuthFactors": ["PASSWORD"]});
    assert_eq!((reply.status, reply.json()), (200, expected));
}
