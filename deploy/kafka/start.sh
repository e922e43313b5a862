#!/bin/bash
# Format the storage with the super-user in it, once, then start as the image does: the broker has no other way to know
# a SCRAM user before its first start.
set -eu
cat >/tmp/format.properties <<PROPERTIES
process.roles=$KAFKA_PROCESS_ROLES
node.id=$KAFKA_NODE_ID
controller.quorum.voters=$KAFKA_CONTROLLER_QUORUM_VOTERS
listeners=$KAFKA_LISTENERS
advertised.listeners=$KAFKA_ADVERTISED_LISTENERS
listener.security.protocol.map=$KAFKA_LISTENER_SECURITY_PROTOCOL_MAP
controller.listener.names=$KAFKA_CONTROLLER_LISTENER_NAMES
inter.broker.listener.name=$KAFKA_INTER_BROKER_LISTENER_NAME
log.dirs=$KAFKA_LOG_DIRS
PROPERTIES
# The tool prints the user's salt and stored keys.
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" \
  --config /tmp/format.properties --add-scram "SCRAM-SHA-512=[name=admin,password=$SUPERUSER_PASSWORD]" >/dev/null
unset SUPERUSER_PASSWORD
exec /etc/kafka/docker/run
