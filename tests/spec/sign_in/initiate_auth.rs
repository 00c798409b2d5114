//! `InitiateAuth`: what is true of every flow. The flows themselves and the lockout have a file each.

mod lockout;
mod password;
mod refresh;
mod user_auth;

use cognate::api;
use cognate::api::auth_flow::Value as AuthFlow;

use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth};
use crate::support::{Refusal, World, refusal};

async fn begins(world: &World, client: &TestClient, flow: AuthFlow) -> Result<(), Refusal> {
    let parameters = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
    world.call(initiate_auth(client, flow, parameters)).await.map(|_| ())
}

/// The refusal of a parameter that is not right.
fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// The refusal of somebody who did not prove who they are.
fn not_authorized(message: &str) -> Refusal {
    refusal("NotAuthorizedException", message)
}

spec! {
    async fn an_unknown_client_is_named_in_every_flow(world: World) {
        let nobody = TestClient { pool: String::new(), id: "nonesuch".to_owned(), secret: None };
        for flow in [AuthFlow::UserPasswordAuth, AuthFlow::UserAuth, AuthFlow::RefreshTokenAuth, AuthFlow::CustomAuth] {
            assert_eq!(
                begins(&world, &nobody, flow).await,
                Err(refusal("ResourceNotFoundException", "User pool client nonesuch does not exist."))
            );
        }
    }
}

spec! {
    async fn a_deleted_client_is_unknown(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let request = api::DeleteUserPoolClientRequest {
            user_pool_id: Some(client.pool.clone()),
            client_id: Some(client.id.clone()),
        };
        world.call(request).await.unwrap();
        assert_eq!(
            begins(&world, &client, AuthFlow::UserPasswordAuth).await,
            Err(refusal("ResourceNotFoundException", &format!("User pool client {} does not exist.", client.id)))
        );
    }
}

spec! {
    async fn flows_that_no_client_can_have_are_refused_in_cognitos_words(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let refusals = [
            (AuthFlow::CustomAuth, "Custom auth lambda trigger is not configured for the user pool."),
            (AuthFlow::AdminNoSrpAuth, "Initiate Auth method not supported."),
            (AuthFlow::AdminUserPasswordAuth, "Initiate Auth method not supported."),
        ];
        for (flow, message) in refusals {
            assert_eq!(begins(&world, &client, flow).await, Err(invalid(message)), "{flow:?}");
        }
    }
}

spec! {
    async fn a_flow_that_the_client_was_not_given_is_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.explicit_auth_flows.clear()).await;
        assert_eq!(
            begins(&world, &client, AuthFlow::UserPasswordAuth).await,
            Err(invalid("USER_PASSWORD_AUTH flow not enabled for this client"))
        );
        assert_eq!(
            begins(&world, &client, AuthFlow::UserAuth).await,
            Err(invalid("USER_AUTH flow not enabled for this client"))
        );
    }
}

spec! {
    async fn a_parameter_beyond_the_longest_text_is_refused_unseen(world: World) {
        let client = world.app_client().await;
        let long = |length| [("USERNAME", "x".repeat(length)), ("PASSWORD", "y".to_owned())];
        let begins = async |length| {
            let request = initiate_auth(&client, AuthFlow::UserPasswordAuth, long(length));
            world.call(request).await.map(|_| ())
        };
        assert_eq!(
            begins(131_073).await,
            Err(invalid(
                "1 validation error detected: Value at 'authParameters' failed to satisfy constraint: Map value must \
                 satisfy constraint: [Member must have length less than or equal to 131072, Member must have length \
                 greater than or equal to 0]"
            ))
        );
        assert_eq!(begins(131_072).await.unwrap_err().exception, "UserNotFoundException");
    }
}

spec! {
    async fn a_request_without_flow_or_client_breaks_two_bounds(world: World) {
        assert_eq!(
            world.call(api::InitiateAuthRequest::default()).await.map(|_| ()),
            Err(invalid(
                "2 validation errors detected: Value null at 'authFlow' failed to satisfy constraint: Member must not be \
                 null; Value at 'clientId' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
