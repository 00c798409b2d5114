//! A pool and its clients, from their making through every change to their end, by the AWS SDK.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{
    AccountRecoverySettingType, AdminCreateUserConfigType, AttributeDataType, DefaultEmailOptionType,
    DeletionProtectionType, EmailConfigurationType, ExplicitAuthFlowsType, FeatureType, MessageTemplateType,
    PasswordPolicyType, PreventUserExistenceErrorTypes, RecoveryOptionNameType, RecoveryOptionType,
    RefreshTokenRotationType, SchemaAttributeType, SoftwareTokenMfaConfigType, StringAttributeConstraintsType,
    UserAttributeUpdateSettingsType, UserPoolClientType, UserPoolMfaType, UserPoolPolicyType, UserPoolType,
    UserVerificationType, VerificationMessageTemplateType, VerifiedAttributeType, WebAuthnConfigurationType,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::sdk::{self, BY_PASSWORD, begin, by_password, email, refused, signed_in};
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{World, policy};

async fn pool(sdk: &Client, id: &str) -> UserPoolType {
    sdk.describe_user_pool().user_pool_id(id).send().await.unwrap().user_pool.unwrap()
}

async fn client(sdk: &Client, pool: &str, id: &str) -> UserPoolClientType {
    let described = sdk.describe_user_pool_client().user_pool_id(pool).client_id(id).send().await;
    described.unwrap().user_pool_client.unwrap()
}

/// Signs up a user of this name, lets the user in, and signs in.
async fn comes_in(sdk: &Client, app: &TestClient, name: &str) {
    let request = sdk.sign_up().client_id(&app.id).username(name).password(PASSWORD);
    let request = request.set_secret_hash(app.secret_hash(name)).user_attributes(email(&format!("{name}@example.com")));
    request.send().await.unwrap();
    sdk.admin_confirm_sign_up().user_pool_id(&app.pool).username(name).send().await.unwrap();
    signed_in(by_password(sdk, app, name)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pools_and_clients_live_through_every_change() {
    let (world, sdk) = begin().await;
    let id = a_pool_is_made(&sdk).await;
    its_settings_change_and_fall_back(&world, &sdk, &id).await;
    its_schema_grows(&sdk, &id).await;
    it_is_tagged(&sdk, &id).await;
    its_factors_are_set(&sdk, &id).await;
    let app = a_client_is_made_and_changed(&sdk, &id).await;
    its_secrets_take_turns(&sdk, &app).await;
    everything_ends(&world, &sdk, &app).await;
}

async fn a_pool_is_made(sdk: &Client) -> String {
    let passwords = PasswordPolicyType::builder().minimum_length(10).temporary_password_validity_days(30).build();
    let policies = UserPoolPolicyType::builder().password_policy(passwords).build();
    let means = RecoveryOptionType::builder().priority(1).name(RecoveryOptionNameType::VerifiedEmail);
    let recovery = AccountRecoverySettingType::builder().recovery_mechanisms(means.build().unwrap()).build();
    let invitation =
        MessageTemplateType::builder().email_message("{username}: {####}").email_subject("Welcome").build();
    let accounts = AdminCreateUserConfigType::builder().invite_message_template(invitation).build();
    let by_link = VerificationMessageTemplateType::builder()
        .default_email_option(DefaultEmailOptionType::ConfirmWithLink)
        .email_message_by_link("{##Confirm##}")
        .build();
    let verified = VerifiedAttributeType::Email;
    let updates = UserAttributeUpdateSettingsType::builder();
    let sender = EmailConfigurationType::builder().from("People <people@example.com>").build();
    let made = sdk
        .create_user_pool()
        .pool_name("people")
        .policies(policies)
        .deletion_protection(DeletionProtectionType::Active)
        .auto_verified_attributes(verified.clone())
        .user_attribute_update_settings(updates.attributes_require_verification_before_update(verified).build())
        .account_recovery_setting(recovery.clone())
        .admin_create_user_config(accounts)
        .verification_message_template(by_link)
        .email_configuration(sender)
        .user_pool_tags("team", "desk")
        .send()
        .await
        .unwrap()
        .user_pool
        .unwrap();
    let id = made.id.clone().unwrap();
    assert_eq!(pool(sdk, &id).await, made);
    assert_eq!(made.account_recovery_setting, Some(recovery));
    assert_eq!(made.email_configuration.unwrap().from.unwrap(), "People <people@example.com>");
    let passwords = made.policies.unwrap().password_policy.unwrap();
    assert_eq!((passwords.minimum_length, passwords.temporary_password_validity_days), (Some(10), 30));
    id
}

async fn its_settings_change_and_fall_back(world: &World, sdk: &Client, id: &str) {
    world.advance(std::time::Duration::from_secs(1));
    let before = pool(sdk, id).await;
    let fresh = sdk.create_user_pool().pool_name("people").send().await.unwrap().user_pool.unwrap();
    // Only the name and what cannot change are left of the pool: every setting that is not sent is a new pool's.
    sdk.update_user_pool().user_pool_id(id).deletion_protection(DeletionProtectionType::Active).send().await.unwrap();
    let after = pool(sdk, id).await;
    assert_eq!(
        after,
        UserPoolType::builder()
            .set_id(before.id)
            .set_arn(before.arn)
            .set_creation_date(before.creation_date)
            .set_last_modified_date(after.last_modified_date)
            .deletion_protection(DeletionProtectionType::Active)
            .set_name(fresh.name)
            .set_policies(fresh.policies)
            .set_lambda_config(fresh.lambda_config)
            .set_schema_attributes(fresh.schema_attributes)
            .set_verification_message_template(fresh.verification_message_template)
            .set_mfa_configuration(fresh.mfa_configuration)
            .estimated_number_of_users(0)
            .set_email_configuration(fresh.email_configuration)
            .set_admin_create_user_config(fresh.admin_create_user_config)
            .set_user_pool_tier(fresh.user_pool_tier)
            .build()
    );
    assert!(after.last_modified_date > after.creation_date);
    sdk.delete_user_pool().user_pool_id(fresh.id.unwrap()).send().await.unwrap();
}

async fn its_schema_grows(sdk: &Client, id: &str) {
    let lengths = StringAttributeConstraintsType::builder().max_length("16").build();
    let team = SchemaAttributeType::builder().name("team").attribute_data_type(AttributeDataType::String).mutable(true);
    let team = team.string_attribute_constraints(lengths).build();
    let add = || sdk.add_custom_attributes().user_pool_id(id).custom_attributes(team.clone());
    add().send().await.unwrap();
    let grown = pool(sdk, id).await.schema_attributes.unwrap();
    assert_eq!((grown.len(), grown.last().unwrap().name.as_deref()), (21, Some("custom:team")));
    sdk.update_user_pool().user_pool_id(id).send().await.unwrap();
    assert_eq!(pool(sdk, id).await.schema_attributes.unwrap(), grown, "an update leaves the schema as it is");
}

async fn it_is_tagged(sdk: &Client, id: &str) {
    let arn = pool(sdk, id).await.arn.unwrap();
    sdk.tag_resource().resource_arn(&arn).tags("team", "desk").tags("stage", "test").send().await.unwrap();
    sdk.untag_resource().resource_arn(&arn).tag_keys("stage").send().await.unwrap();
    let tags = sdk.list_tags_for_resource().resource_arn(&arn).send().await.unwrap().tags.unwrap();
    assert_eq!(tags, [("team".to_owned(), "desk".to_owned())].into());
    assert_eq!(pool(sdk, id).await.user_pool_tags.unwrap(), tags);
    refused!(
        sdk.list_tags_for_resource().resource_arn(arn.replace("000000000000", "111111111111")),
        is_invalid_parameter_exception,
        "The ResourceArn is not that of a user pool of this server."
    );
}

async fn its_factors_are_set(sdk: &Client, id: &str) {
    let passkeys = WebAuthnConfigurationType::builder()
        .relying_party_id("example.com")
        .user_verification(UserVerificationType::Required)
        .build();
    let set = sdk.set_user_pool_mfa_config().user_pool_id(id).mfa_configuration(UserPoolMfaType::Off);
    let set = set.web_authn_configuration(passkeys.clone()).send().await.unwrap();
    let got = sdk.get_user_pool_mfa_config().user_pool_id(id).send().await.unwrap();
    for (mfa, kept) in
        [(set.mfa_configuration, set.web_authn_configuration), (got.mfa_configuration, got.web_authn_configuration)]
    {
        assert_eq!((mfa, kept), (Some(UserPoolMfaType::Off), Some(passkeys.clone())));
    }
    let totp = SoftwareTokenMfaConfigType::builder().enabled(true).build();
    let set = || sdk.set_user_pool_mfa_config().user_pool_id(id).software_token_mfa_configuration(totp.clone());
    refused!(
        set(),
        is_invalid_parameter_exception,
        "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
    );
    let set = set().mfa_configuration(UserPoolMfaType::Optional).send().await.unwrap();
    assert_eq!(set.software_token_mfa_configuration, Some(totp));
    assert_eq!(pool(sdk, id).await.mfa_configuration, Some(UserPoolMfaType::Optional));
    let certificate = || sdk.get_signing_certificate().user_pool_id(id).send();
    let (one, other) = (certificate().await.unwrap().certificate, certificate().await.unwrap().certificate);
    assert_eq!(one, other);
    assert_eq!(BASE64_STANDARD.decode(one.unwrap()).unwrap()[0], 0x30, "a sequence in DER");
}

async fn a_client_is_made_and_changed(sdk: &Client, id: &str) -> TestClient {
    let made = sdk.create_user_pool_client().user_pool_id(id).client_name("app").generate_secret(true);
    let made = made.set_explicit_auth_flows(Some(BY_PASSWORD.to_vec())).send().await.unwrap().user_pool_client.unwrap();
    let app = TestClient { pool: id.to_owned(), id: made.client_id.unwrap(), secret: made.client_secret };

    let rotation = RefreshTokenRotationType::builder().feature(FeatureType::Enabled).retry_grace_period_seconds(10);
    let rotation = rotation.build().unwrap();
    let update = || sdk.update_user_pool_client().user_pool_id(id).client_id(&app.id);
    let changed = update()
        .client_name("renamed")
        .explicit_auth_flows(ExplicitAuthFlowsType::AllowUserPasswordAuth)
        .prevent_user_existence_errors(PreventUserExistenceErrorTypes::Enabled)
        .refresh_token_rotation(rotation.clone())
        .access_token_validity(2)
        .send()
        .await
        .unwrap()
        .user_pool_client
        .unwrap();
    assert_eq!(changed, client(sdk, id, &app.id).await);
    assert_eq!((changed.client_name.as_deref(), &changed.client_secret), (Some("renamed"), &app.secret));
    assert_eq!((changed.access_token_validity, changed.refresh_token_rotation), (Some(2), Some(rotation.clone())));
    refused!(
        update().set_explicit_auth_flows(Some(BY_PASSWORD.to_vec())).refresh_token_rotation(rotation),
        is_invalid_parameter_exception,
        "RefreshTokenRotation cannot be enabled together with ALLOW_REFRESH_TOKEN_AUTH."
    );

    let reset = update().set_explicit_auth_flows(Some(BY_PASSWORD.to_vec())).send().await.unwrap();
    let reset = reset.user_pool_client.unwrap();
    assert_eq!((reset.access_token_validity, &reset.refresh_token_rotation), (None, &None));
    assert_eq!((reset.prevent_user_existence_errors, &reset.client_secret), (None, &app.secret));
    comes_in(sdk, &app, "alice").await;
    app
}

async fn its_secrets_take_turns(sdk: &Client, app: &TestClient) {
    let add = || sdk.add_user_pool_client_secret().user_pool_id(&app.pool).client_id(&app.id);
    let added = add().send().await.unwrap().client_secret_descriptor.unwrap();
    let second = TestClient { secret: added.client_secret_value, ..app.clone() };
    comes_in(sdk, app, "bob").await;
    comes_in(sdk, &second, "carol").await;
    let third = "a".repeat(24);
    refused!(
        add().client_secret(third),
        is_limit_exceeded_exception,
        "Client secrets cannot exceed limit of 2 secrets."
    );

    let list = || sdk.list_user_pool_client_secrets().user_pool_id(&app.pool).client_id(&app.id).send();
    let listed = list().await.unwrap().client_secrets.unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|secret| secret.client_secret_value.is_none()), "{listed:?}");
    assert_eq!(listed[1].client_secret_id, added.client_secret_id);
    let delete =
        |id: &str| sdk.delete_user_pool_client_secret().user_pool_id(&app.pool).client_id(&app.id).client_secret_id(id);
    delete(listed[0].client_secret_id().unwrap()).send().await.unwrap();
    let mismatch = format!("Unable to verify secret hash for client {}", app.id);
    refused!(by_password(sdk, app, "alice"), is_not_authorized_exception, mismatch.as_str());
    signed_in(by_password(sdk, &second, "alice")).await;
    refused!(
        delete(listed[1].client_secret_id().unwrap()),
        is_invalid_parameter_exception,
        "The last secret of a client cannot be deleted."
    );
    assert_eq!(list().await.unwrap().client_secrets.unwrap(), listed[1..]);
}

async fn everything_ends(world: &World, sdk: &Client, app: &TestClient) {
    sdk.update_user_pool()
        .user_pool_id(&app.pool)
        .pool_name("guarded")
        .deletion_protection(DeletionProtectionType::Active)
        .send()
        .await
        .unwrap();
    refused!(
        sdk.delete_user_pool().user_pool_id(&app.pool),
        is_invalid_parameter_exception,
        "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be \
         inactivated first."
    );
    sdk.update_user_pool().user_pool_id(&app.pool).pool_name("open").send().await.unwrap();
    sdk.delete_user_pool_client().user_pool_id(&app.pool).client_id(&app.id).send().await.unwrap();
    let no_client = format!("User pool client {} does not exist.", app.id);
    refused!(
        sdk.update_user_pool_client().user_pool_id(&app.pool).client_id(&app.id),
        is_resource_not_found_exception,
        no_client.as_str()
    );
    // By a colleague, as an equal call of the same operator within the same second would be one that came twice.
    let colleague = sdk::sdk(world, &world.principal("colleague", &policy("Allow", "*", "*")));
    colleague.delete_user_pool().user_pool_id(&app.pool).send().await.unwrap();
    let no_pool = format!("User pool {} does not exist.", app.pool);
    refused!(
        sdk.update_user_pool().user_pool_id(&app.pool).pool_name("again"),
        is_resource_not_found_exception,
        no_pool.as_str()
    );
}
