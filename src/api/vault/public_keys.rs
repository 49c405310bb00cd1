//! Published connection keys (steps 5-6 and 15-16).

use serde::{Deserialize, Serialize};

use crate::api::bodies::body_of;
use crate::api::services::Answer;
use crate::api::{Access, Method, Services, Transport};
use crate::crypto::keys::OkpPublicJwk;
use crate::crypto::records::Publication;

/// `PUT /public-keys/{key}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicKeyWrite {
    /// The RSA half of the connection key.
    pub spki: String,
    /// The X-Wing half.
    pub xwing: String,
    /// The signing key.
    pub signing_key: OkpPublicJwk,
    /// The statement.
    pub statement: String,
}

/// Its answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct Published {
    /// The key's.
    pub id: String,
}

impl<T: Transport> Services<T> {
    pub(crate) fn publish(&self, publication: Publication) -> Answer<'_, ()> {
        let Publication {
            id,
            spki,
            xwing,
            signing_key,
            statement,
        } = publication;
        let body = PublicKeyWrite {
            spki,
            xwing,
            signing_key,
            statement,
        };
        self.call_and(
            Access::Vault,
            Method::Put,
            &format!("/public-keys/{id}"),
            Some(&body),
            |answer| body_of(answer).map(|Published { id }| drop(id)),
        )
    }
}
