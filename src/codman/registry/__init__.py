"""The book of record: products, versions, uses, deployments, people, who may do what, filed evidence, the audit log."""
