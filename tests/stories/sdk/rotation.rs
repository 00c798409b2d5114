//! Refresh tokens that are replaced at each use, and the one who stole an old one.

use std::time::Duration;

use aws_sdk_cognitoidentityprovider::types::{FeatureType, RefreshTokenRotationType};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_refresh_token_ends_the_sign_in() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, None).await;
    let rotation = RefreshTokenRotationType::builder().feature(FeatureType::Enabled).retry_grace_period_seconds(30);
    let made = sdk.create_user_pool_client().user_pool_id(&pool).client_name("rotating").generate_secret(true);
    let made = made.explicit_auth_flows(ExplicitAuthFlowsType::AllowUserPasswordAuth);
    let made = made.refresh_token_rotation(rotation.build().unwrap()).send().await.unwrap().user_pool_client.unwrap();
    let secret = made.client_secret.unwrap();
    let app = TestClient { pool: pool.clone(), id: made.client_id.unwrap(), secret: Some(secret.clone()) };
    let hash = app.secret_hash("alice").unwrap();
    sdk.sign_up().client_id(&app.id).username("alice").password(PASSWORD).secret_hash(hash).send().await.unwrap();
    sdk.admin_confirm_sign_up().user_pool_id(&pool).username("alice").send().await.unwrap();
    let exchange = |token: &str| {
        sdk.get_tokens_from_refresh_token().client_id(&app.id).client_secret(&secret).refresh_token(token)
    };

    let first = signed_in(by_password(&sdk, &app, "alice")).await.refresh_token.unwrap();
    let second = exchange(&first).send().await.unwrap().authentication_result.unwrap();
    // The answer was lost; the program asks again.
    let again = exchange(&first).send().await.unwrap().authentication_result.unwrap();
    assert_eq!((again.expires_in, again.token_type.as_deref()), (3600, Some("Bearer")));
    let third = exchange(&again.refresh_token.unwrap()).send().await.unwrap().authentication_result.unwrap();
    let access = third.access_token.unwrap();
    sdk.get_user().access_token(&access).send().await.unwrap();
    let refresh = by_refresh_token(&sdk, &app, &first);
    refused!(refresh, is_invalid_parameter_exception, "Refresh Token flow not enabled for this client");

    world.advance(Duration::from_secs(30));
    refused!(exchange(&first), is_refresh_token_reuse_exception, "Refresh Token has been used already");
    let revoked = "Refresh Token has been revoked";
    for token in [second.refresh_token.unwrap(), third.refresh_token.unwrap()] {
        refused!(exchange(&token), is_not_authorized_exception, revoked);
    }
    refused!(sdk.get_user().access_token(&access), is_not_authorized_exception, "Access Token has been revoked");
    signed_in(by_password(&sdk, &app, "alice")).await;
}
