"""Figures of the server for Prometheus. Nothing in them tells one device or person from another."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.roles import Permission
from fleet_server.services.figures import Figures, read_figures


def create_router(requests: CollectorRegistry) -> APIRouter:
    """The route, which tells the figures of `requests` and those of the database."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics")
    def metrics(caller: CurrentCaller, context: Context) -> Response:
        """Requests, agents, ingest and audit log, in the text format of Prometheus."""
        caller.require(Permission.SEE_DEVICES)
        with context.fleet.reading() as connection:
            figures = read_figures(connection, context.now())
        registry = CollectorRegistry()
        registry.register(_Database(figures))
        text = generate_latest(registry) + generate_latest(requests)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router


class _Database(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        found = self._figures
        agents = GaugeMetricFamily("fleet_agents", "Agents by presence", labels=["state"])
        for state, count in found.agents.items():
            agents.add_metric([state], count)
        yield agents
        refused = CounterMetricFamily(
            "fleet_records_refused", "Records that break the rules", labels=["reason"]
        )
        for reason, count in found.refused.items():
            refused.add_metric([reason], count)
        yield refused
        yield GaugeMetricFamily(
            "fleet_broker_connected", "1 while the controller has the broker", found.connected
        )
        yield GaugeMetricFamily(
            "fleet_agents_arriving", "Agents that wait for their turn to be asked", found.arriving
        )
        yield CounterMetricFamily(
            "fleet_audit_entries", "Entries of the audit log", found.audit_entries
        )
        yield CounterMetricFamily(
            "fleet_power_losses", "Power losses of all devices", found.gasps.losses
        )
        yield CounterMetricFamily(
            "fleet_gasps", "Power losses that were told before the dark", found.gasps.gasps
        )
