"""A reader in another language and by other authors: the published nostr-sdk package, unmodified.

    read.py RELAY_URL FILTER...

Each FILTER is JSON as in a REQ. For each event that came: a line of JSON with the filter's number, whether id and signature hold (which the package
checks), and the event as it came. Exit code 1 when the relay could not be asked.
"""
import asyncio
import json
import sys
from datetime import timedelta

from nostr_sdk import ClientBuilder, Filter, RelayUrl, ReqTarget


async def main(url, filters):
    relay = RelayUrl.parse(url)
    client = ClientBuilder().build()
    await client.add_relay(relay)
    await client.try_connect(timeout=timedelta(seconds=60))
    for number, text in enumerate(filters):
        target = ReqTarget.single(relay, [Filter.from_json(text)])
        for event in await client.fetch_events(target, timeout=timedelta(seconds=60)):
            checked = {"filter": number, "id": event.verify_id(), "signature": event.verify_signature()}
            print(json.dumps({**checked, "event": json.loads(event.as_json())}), flush=True)
    await client.shutdown()


asyncio.run(main(sys.argv[1], sys.argv[2:]))
