#!/bin/sh
# Print the secrets of a new deployment, with random values:
#   sh deploy/kubernetes/make_secrets.sh | kubectl create -f -
# `create` refuses to overwrite those that are there.
set -eu

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

key=$(random)
redis=$(random)
postgres=$(random)
qdrant=$(random)

cat <<EOF
---
apiVersion: v1
kind: Secret
metadata: {name: tanya-keys, namespace: tanya}
stringData:
  API_KEY: "$key"
---
apiVersion: v1
kind: Secret
metadata: {name: tanya-stores, namespace: tanya}
stringData:
  REDIS_URL: "redis://:$redis@redis:6379/0"
  DATABASE_URL: "postgresql://tanya:$postgres@postgres:5432/tanya"
  QDRANT_API_KEY: "$qdrant"
---
apiVersion: v1
kind: Secret
metadata: {name: tanya-servers, namespace: tanya}
stringData:
  REDIS_PASSWORD: "$redis"
  POSTGRES_PASSWORD: "$postgres"
EOF
