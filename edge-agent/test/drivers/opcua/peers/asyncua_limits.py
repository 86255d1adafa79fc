"""What smaller servers refuse, put upon the sessions of asyncua, which refuses nothing by itself."""

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server import internal_server
from asyncua.server.internal_session import InternalSession


def restrict(limits):
    """limits: nodesPerRead and itemsPerCall refuse the call; items, of a subscription, and subscriptions refuse those
    beyond; samplingMs is what every item is granted."""

    def refuse_above(limit, operations):
        if limit is not None and len(operations) > limit:
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)

    class RestrictedSession(InternalSession):
        async def read(self, params):
            if self.external:
                refuse_above(limits.get("nodesPerRead"), params.NodesToRead)
            return await super().read(params)

        async def create_subscription(self, params, *callbacks, **named):
            most = limits.get("subscriptions")
            if most == 0:
                raise ServiceError(ua.StatusCodes.BadServiceUnsupported)
            if most is not None and len(self.subscription_service.subscriptions) >= most:
                raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
            return await super().create_subscription(params, *callbacks, **named)

        async def create_monitored_items(self, params):
            wanted = params.ItemsToCreate
            refuse_above(limits.get("itemsPerCall"), wanted)
            room = len(wanted)
            if "items" in limits:
                subscription = self.subscription_service.subscriptions[params.SubscriptionId]
                room = max(0, limits["items"] - len(subscription.monitored_item_srv._monitored_items))
            params.ItemsToCreate = wanted[:room]
            refused = ua.MonitoredItemCreateResult(ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems))
            results = await super().create_monitored_items(params)
            for result in results:
                result.RevisedSamplingInterval = limits.get("samplingMs", result.RevisedSamplingInterval)
            return results + [refused] * (len(wanted) - room)

    internal_server.InternalSession = RestrictedSession


async def state(server, limits):
    """MaxMonitoredItemsPerSubscription, where the limit is to be known."""
    if limits.get("statesItems"):
        await server.get_node(ua.NodeId(24104)).write_value(limits["items"], ua.VariantType.UInt32)
