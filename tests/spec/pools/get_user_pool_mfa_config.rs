//! `GetUserPoolMfaConfig`. That it gives what was set is told with `SetUserPoolMfaConfig`.

use cognate::api;
use cognate::api::user_pool_mfa::Value as UserPoolMfa;

use crate::spec;
use crate::support::{Refusal, World, refusal};

pub async fn get(world: &World, pool: &str) -> Result<api::GetUserPoolMfaConfigResponse, Refusal> {
    world.call(api::GetUserPoolMfaConfigRequest { user_pool_id: Some(pool.to_owned()) }).await
}

/// The answer of a pool with these passkeys.
pub fn config(passkeys: Option<api::WebAuthnConfiguration>) -> api::GetUserPoolMfaConfigResponse {
    api::GetUserPoolMfaConfigResponse {
        mfa_configuration: Some(UserPoolMfa::Off.into()),
        web_authn_configuration: passkeys,
        ..Default::default()
    }
}

spec! {
    async fn a_new_pool_has_no_factor_beside_the_password(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(get(&world, &pool).await, Ok(config(None)));
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            get(&world, "us-east-1_Nowhere12").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn an_id_must_look_like_one(world: World) {
        assert_eq!(
            get(&world, "nonsense").await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+"
            ))
        );
    }
}
