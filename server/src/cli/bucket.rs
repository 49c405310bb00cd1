//! The options of a bucket, where files are kept in one.

use clap::Args;
use vouchsafe_server::S3;

/// The bucket of --vault-files, at S3 or at what speaks like it.
#[derive(Args)]
#[command(next_help_heading = "The bucket of files")]
pub(super) struct BucketOptions {
    /// The address of the service that has the bucket, such as https://minio.example; by default Amazon's.
    #[arg(long, value_name = "URL", env = "VOUCHSAFE_S3_ENDPOINT")]
    s3_endpoint: Option<String>,

    /// The bucket's region.
    #[arg(
        long,
        value_name = "REGION",
        default_value = "us-east-1",
        env = "VOUCHSAFE_S3_REGION"
    )]
    s3_region: String,

    /// The name of the key that may read, write, list and delete in the bucket. Without one it is that of the machine's role
    /// at Amazon.
    #[arg(long, value_name = "ID", env = "VOUCHSAFE_S3_ACCESS_KEY")]
    s3_access_key: Option<String>,

    /// The key itself. The variable keeps it out of the list of processes.
    #[arg(
        long,
        value_name = "KEY",
        env = "VOUCHSAFE_S3_SECRET_KEY",
        hide_env_values = true
    )]
    s3_secret_key: Option<String>,
}

impl BucketOptions {
    pub(super) fn into_s3(self) -> S3 {
        S3 {
            endpoint: self.s3_endpoint,
            region: self.s3_region,
            access_key: self.s3_access_key,
            secret_key: self.s3_secret_key,
        }
    }
}
