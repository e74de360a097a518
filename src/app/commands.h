#pragma once

#include "app/session.h"

namespace tocsin {

// Each adds its command (or family of commands) to the tree; when the command line chooses it,
// parsing sets `invocation.run`. Called in this order, which is the order of the help.
void AddUpCommand(CLI::App& root, Invocation& invocation);
void AddGenerateCommand(CLI::App& root, Invocation& invocation);
void AddIngestCommand(CLI::App& root, Invocation& invocation);
void AddProcessCommand(CLI::App& root, Invocation& invocation);
void AddDeliverCommand(CLI::App& root, Invocation& invocation);
void AddBatchCommand(CLI::App& root, Invocation& invocation);
void AddTopicCommand(CLI::App& root, Invocation& invocation);
void AddDlqCommand(CLI::App& root, Invocation& invocation);
void AddMigrateCommand(CLI::App& root, Invocation& invocation);
void AddRulesCommand(CLI::App& root, Invocation& invocation);
void AddDeliveriesCommand(CLI::App& root, Invocation& invocation);
void AddChannelsCommand(CLI::App& root, Invocation& invocation);
void AddSilenceCommand(CLI::App& root, Invocation& invocation);
void AddDashboardCommand(CLI::App& root, Invocation& invocation);
void AddAccessCommands(CLI::App& root, Invocation& invocation);  // user, token
void AddConfigCommand(CLI::App& root, Invocation& invocation);
void AddBenchCommand(CLI::App& root, Invocation& invocation);
void AddDoctorCommand(CLI::App& root, Invocation& invocation);
void AddCompletionCommand(CLI::App& root, Invocation& invocation);
void AddVersionCommand(CLI::App& root, Invocation& invocation);
void AddReferenceCommand(CLI::App& root, Invocation& invocation);  // hidden

using AddCommand = void (*)(CLI::App& root, Invocation& invocation);
inline constexpr AddCommand kCommands[] = {
    AddUpCommand,       AddGenerateCommand,  AddIngestCommand,     AddProcessCommand,
    AddDeliverCommand,  AddBatchCommand,     AddTopicCommand,      AddDlqCommand,
    AddMigrateCommand,  AddRulesCommand,     AddDeliveriesCommand, AddChannelsCommand,
    AddSilenceCommand,  AddDashboardCommand, AddAccessCommands,    AddConfigCommand,
    AddBenchCommand,    AddDoctorCommand,    AddCompletionCommand, AddVersionCommand,
    AddReferenceCommand};

}  // namespace tocsin
