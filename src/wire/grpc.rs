//! The typed wire: one generic road for every rpc, and errors with Google's details.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::Request;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{Gate, Peer, RequestId, Routed, for_a_header};
use crate::api::{self, Op, json::UnknownNames};
use crate::app::{App, Call, Operation};
use crate::error::Error;

/// Every service of the contract.
#[derive(Clone)]
pub struct Grpc {
    app: App,
    message_bytes_max: usize,
}

impl Grpc {
    pub fn new(gate: &Gate) -> Self {
        Grpc { app: gate.app.clone(), message_bytes_max: gate.limits.body_bytes_max }
    }

    fn message_bytes_max(&self) -> usize {
        self.message_bytes_max
    }

    /// Decoded → the one road → encoded.
    async fn call<R: Operation>(&self, request: tonic::Request<R>) -> Result<tonic::Response<R::Response>, Status> {
        let call = call_of(request.extensions())?;
        let response = self.app.call(request.into_inner(), &UnknownNames::default(), &call).await;
        response.map(tonic::Response::new).map_err(status)
    }
}

include!(concat!(env!("OUT_DIR"), "/grpc.rs"));

/// What the layers found out. Without their findings there is no call; and where they found no operation, because of the
/// request's method or content type, there is none either.
fn call_of(extensions: &tonic::Extensions) -> Result<Call, Status> {
    let unrouted = || status(Error::internal("a request came past the layers"));
    let routed = extensions.get::<Routed>().copied().ok_or_else(unrouted)?;
    let op = routed.op.ok_or_else(no_such_operation)?;
    let RequestId(request_id) = extensions.get().cloned().ok_or_else(unrouted)?;
    let source = extensions.get().map(Peer::source).ok_or_else(unrouted)?;
    Ok(Call { op, request_id, source, grant: extensions.get().cloned(), event: extensions.get().cloned() })
}

pub fn no_such_operation() -> Status {
    Status::unimplemented("there is no such operation")
}

/// Where Cognito's name for an error stands among the headers, on both wires.
pub const ERROR_TYPE: &str = "x-amzn-errortype";

/// When a caller who was refused for now may come back.
pub fn retry_delay(error: &Error) -> Duration {
    match error {
        Error::RateExceeded(wait) => *wait,
        _ => Duration::from_secs(1),
    }
}

/// An error as a status: canonical code, Cognito's sentence, `ErrorInfo`, and `BadRequest` or `RetryInfo` where they apply.
pub fn status(error: Error) -> Status {
    let exception = error.exception();
    let mut metadata = HashMap::from([("exception".to_owned(), exception.name())]);
    if let Error::AccessDenied { principal, action, resource, .. } = &error {
        let told = [("principal", principal), ("action", action), ("resource", resource)];
        metadata.extend(told.map(|(name, text)| (name.to_owned(), text.clone())));
    }
    let mut details = ErrorDetails::with_error_info(exception.reason(), "cognate", metadata);
    let code = code(&error);
    match &error {
        Error::Constraints(violations) => {
            for violation in violations {
                details.add_bad_request_violation(&violation.path, &violation.constraint);
            }
        }
        _ if code == Code::ResourceExhausted => {
            details.set_retry_info(Some(retry_delay(&error)));
        }
        _ => {}
    }
    let mut status = Status::with_error_details(code, for_a_header(&error.to_string()), details);
    if let Ok(name) = exception.name().parse() {
        status.metadata_mut().insert(ERROR_TYPE, name);
    }
    status
}

/// Every error's canonical code.
fn code(error: &Error) -> Code {
    use Error::*;
    match error {
        ClientSecretDoesNotExist(_)
        | DeviceDoesNotExist
        | GroupNotFound
        | PasskeyDoesNotExist
        | UserDoesNotExist
        | UserPoolClientDoesNotExist(_)
        | UserPoolDoesNotExist(_)
        | UsernameClientCombinationNotFound => Code::NotFound,
        AliasExists(_) | DeviceKeyExists | GivenAliasExists(_) | GroupExists | UsernameExists(_) => Code::AlreadyExists,
        CodeMismatch
        | Constraints(_)
        | ExpiredCode
        | InvalidNewPassword(_)
        | InvalidParameter(_)
        | InvalidPassword(_)
        | MissingParameter(_)
        | InvalidCode
        | PasskeyNotSupported(_)
        | PasskeyRelyingPartyMismatch
        | SoftwareTokenCodeMismatch
        | SoftwareTokenCodeUsed
        | SoftwareTokenSetUpMismatch
        | UnsupportedTokenType => Code::InvalidArgument,
        NotHonoured(_) => Code::Unimplemented,
        AutoVerificationOff
        | DevicesNotTracked
        | PasskeyChallengeNotFound
        | PasskeyConfigurationMissing
        | PasskeysNotEnabled
        | PasswordCannotBeReset
        | ResendNotPossible(_)
        | SoftwareTokenMfaOff
        | TemporaryPasswordExpired
        | CodeDeliveryFailure(_)
        | UnsupportedOperation
        | UserCannotBeConfirmed(_)
        | UserIsNotConfirmed
        | PasswordResetRequired
        | TriggerThrew { .. } => Code::FailedPrecondition,
        AccessDenied { .. }
        | AdminResetsPasswords
        | AttributeAlreadyProvided(_)
        | AttributeNotWritable
        | PasskeyClientMismatch
        | PasskeyOriginNotAllowed
        | SignUpNotPermitted
        | UserIsDisabled => Code::PermissionDenied,
        AccessTokenExpired
        | AccessTokenLacksScope
        | AccessTokenRevoked
        | AccessTokenSignature
        | ClientSecretMismatch(_)
        | IncompleteSignature(_)
        | IncorrectUsernameOrPassword
        | InvalidAccessToken
        | InvalidRefreshToken
        | InvalidSession
        | InvalidSignature(_)
        | MissingAuthenticationToken
        | PasskeyRefused
        | RefreshTokenExpired
        | RefreshTokenReused
        | RefreshTokenRevoked
        | SecretHashMismatch(_)
        | SecretHashMismatchOnRefresh(_)
        | SecretHashMissing(_)
        | SessionExpired
        | SessionUsed
        | SignatureUsed
        | Unauthorized
        | UnrecognizedClient => Code::Unauthenticated,
        AttemptLimitExceeded
        | LimitExceeded(_)
        | PasswordAttemptsExceeded
        | RateExceeded(_)
        | StorageFull
        | TooManyPasskeys
        | TooManyRequests => Code::ResourceExhausted,
        Conflict => Code::Aborted,
        TriggerNotInvoked { .. } => Code::Unavailable,
        RequestTooLarge => Code::OutOfRange,
        TimedOut => Code::DeadlineExceeded,
        Internal(_) | TriggerAnswerUnusable(_) => Code::Internal,
    }
}
