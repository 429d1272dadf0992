"""MiniStack, with what it leaves out and Rollcall needs.

Run as a module, it is MiniStack: everything is configured by MiniStack's own environment variables.
The gaps are those of MiniStack 1.5.33; each is closed to what AWS documents:

- A Distributed Map evaluates JSONata in its ItemReader's Arguments, in MaxConcurrency and in Output.
- An execution's start can be chosen, so that something can be shown about midnight: one whose name
  ends in `-started-20260131T235930Z` is said to have started then.
- An alarm on an expression over one metric is deployed, as one on that metric: nothing here evaluates it.
- A saved query of Athena is a resource of CloudFormation.
- A bucket is deployed with its encryption, lifecycle, logging and object lock, a topic with its key, a
  state machine with its logging and tracing.
- `aws:PrincipalArn` of a role's session is the ARN of the role, not that of the session.
- `aws:ResourceAccount` of a bucket is its owner, and `aws:ResourceOrgID` the organization of the owner.
- Accounts that an account created are members of its organization: `aws:PrincipalOrgID` says so,
  DescribeOrganization shows it to them, and they may read it when they are delegated administrators,
  which there are none of in MiniStack.
- `organizations:DescribeAccount` is a call on the account it asks about.
- A bucket's policy sees a caller from another account as itself, not as that account.
- `x-amz-expected-bucket-owner` is checked.
- To write or read what a KMS key encrypts in S3, or to publish to a topic that one encrypts, a principal
  needs the permission to use the key.
- Sessions can be made at the same time: one that fails for that takes all environments of its function down.
- MFA satisfies `aws:MultiFactorAuthPresent` of a role's trust policy, and in a session of GetSessionToken.
"""
