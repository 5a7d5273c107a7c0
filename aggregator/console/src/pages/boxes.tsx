// Thiết bị: the boxes in the field, and whether each can be relied on.
import { api } from "../api";
import { Icon } from "../icons";
import { t } from "../i18n";
import { agents, cameras, link, loaded, stale } from "../live";
import { useLoad } from "../load";
import type { Agent } from "../model";
import { Age, AgentTag, Empty, Fault, Moment } from "../parts";
import { quantity } from "../words";

const REFRESH_MS = 10_000;
const TROUBLE: Record<Agent["state"], number> = { silent: 0, never: 1, online: 2 };

export function BoxesPage() {
  const asked = useLoad("agents", api.agents, REFRESH_MS);
  const known = asked.data ? asked.data.items.map((agent) => agents.value.get(agent.id) ?? agent) : null;
  const list = [...(known ?? agents.value.values())].sort(
    (a, b) => (TROUBLE[a.state] ?? 0) - (TROUBLE[b.state] ?? 0) || a.id.localeCompare(b.id),
  );
  const columns = ["id", "state", "seen", "cameras", "backlog", "config", "software"] as const;
  return (
    <section class="panel page" aria-labelledby="boxes-title">
      <div class="panel-head">
        <h1 id="boxes-title">{t("boxes.title")}</h1>
      </div>
      {asked.fault ? <Fault text={asked.fault} retry={asked.again} /> : null}
      {list.length === 0 && !asked.fault ? <NoBoxes /> : null}
      {list.length > 0 ? (
        <div class="table-scroll" tabIndex={0} role="group" aria-labelledby="boxes-title">
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col" class={column === "backlog" ? "number" : undefined}>
                    {t(`boxes.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {list.map((agent) => (
                <Box key={agent.id} agent={agent} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </section>
  );
}

function NoBoxes() {
  if (!loaded.value) return <Empty>{t(link.value.state === "down" ? "unknown" : "loading")}</Empty>;
  return <Empty>{t("boxes.none")}</Empty>;
}

function Box({ agent }: { agent: Agent }) {
  const own = [...cameras.value.values()].filter((camera) => camera.agent === agent.id);
  const live = stale.value ? null : own.filter((camera) => camera.state === "live").length;
  return (
    <tr class={agent.state === "online" && !agent.config_problem ? undefined : "troubled"}>
      <th scope="row" class="nowrap">{agent.id}</th>
      <td>
        <AgentTag state={agent.state} />
      </td>
      <td class="nowrap">
        <Moment at={agent.last_seen} />
        {agent.last_seen ? (
          <span class="hint">
            <Age at={agent.last_seen} />
          </span>
        ) : null}
      </td>
      <td class="nowrap">{t("boxes.cameras.of", { live: quantity(live), all: own.length })}</td>
      <td class="number">
        {agent.backlog_items === null ? t("unknown") : t("boxes.backlog.items", { n: quantity(agent.backlog_items) })}
        {agent.durable === false ? (
          <span class="trouble">
            <Icon name="cross" />
            {t("boxes.durable.no")}
          </span>
        ) : null}
      </td>
      <td>
        <span>{agent.config_version ? t("boxes.config.ok", { version: agent.config_version }) : t("unknown")}</span>
        {agent.config_problem ? (
          <span class="trouble">
            <Icon name="triangle" />
            <span>
              {t("boxes.config.problem")}: <code>{agent.config_problem}</code>
            </span>
          </span>
        ) : null}
      </td>
      <td class="nowrap">{agent.software || t("unknown")}</td>
    </tr>
  );
}
