package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	serverconfig "go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	serverlog "go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	sqliteschema "go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	clusterName = "tailsweep"
	// How long the histories of closed sweeps are kept. Results live in the
	// object store, without limit.
	retention = 90 * 24 * time.Hour
)

// dynamicConfig lists where we deviate from Temporal's defaults.
var dynamicConfig = dynamicconfig.StaticClient{
	// A new search attribute is usable at once.
	dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
	// The limits protect a shared database; this one has one user.
	dynamicconfig.FrontendPersistenceMaxQPS.Key(): 100_000,
	dynamicconfig.HistoryPersistenceMaxQPS.Key():  100_000,
	dynamicconfig.MatchingPersistenceMaxQPS.Key(): 100_000,
	dynamicconfig.WorkerPersistenceMaxQPS.Key():   100_000,
	// The default of 20 reads a second makes each task of a workflow wait for 40 ms.
	dynamicconfig.TransferProcessorMaxPollRPS.Key(): 2000,
	// Closed workflows stay in memory for an hour, by default up to 128,000 of them.
	dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 1000,
	// Priority is strict and fairness exact only with one partition.
	dynamicconfig.MatchingEnableFairness.Key():              true,
	dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
	dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
	// A closed workflow is deleted only after the queues have stored how far they are, by
	// default every 30 s. `tailsweep rm` waits for it.
	dynamicconfig.TransferProcessorUpdateAckInterval.Key():   2 * time.Second,
	dynamicconfig.VisibilityProcessorUpdateAckInterval.Key(): 2 * time.Second,
	// No request leaves this machine.
	dynamicconfig.EnableServerVersionCheck.Key(): false,
}

// startTemporal starts the four services of Temporal on one SQLite file and
// returns when the frontend answers.
func (s *stack) startTemporal(ctx context.Context) error {
	if err := free(s.config.Temporal); err != nil {
		return err
	}
	file := filepath.Join(s.config.Dir, "temporal", "temporal.db")
	if err := setUpDatabase(file, s.config); err != nil {
		return err
	}
	c, err := serverConfig(file, s.config.Temporal)
	if err != nil {
		return err
	}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range c.Services {
		address := net.JoinHostPort(service.RPC.BindOnIP, strconv.Itoa(service.RPC.GRPCPort))
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(address)
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(c),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts), // instead of a gossip ring with ports of its own
		temporal.WithLogger(serverlog.NewZapLogger(serverlog.BuildZapLogger(serverlog.Config{Level: "warn", Format: "console"}))),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*serverconfig.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(dynamicConfig),
	)
	if err != nil {
		return err
	}
	if err := within(ctx, server.Start); err != nil {
		return err
	}
	s.started("temporal", func(ctx context.Context) error { return within(ctx, server.Stop) })
	err = s.withClient(func(c client.Client) error {
		return poll(ctx, func(ctx context.Context) error {
			_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		})
	})
	s.ready.Temporal = s.config.Temporal
	return err
}

func (s *stack) withClient(f func(client.Client) error) error {
	c, err := client.NewLazyClient(client.Options{HostPort: s.config.Temporal, Namespace: s.config.Namespace})
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

// setUpDatabase makes the file with its schema if it is absent, and the namespace in
// it. The schema is written to another file first, which is then renamed, so that a
// killed start leaves no partial schema.
func setUpDatabase(file string, c config) error {
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		fresh := file + ".new"
		for _, left := range []string{fresh, fresh + "-journal"} {
			if err := os.Remove(left); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		if err := setUpSchema(fresh); err != nil {
			return fmt.Errorf("set up the database: %w", err)
		}
		if err := os.Rename(fresh, file); err != nil {
			return fmt.Errorf("set up the database: %w", err)
		}
	} else if err != nil {
		return err
	}
	attributes := map[string]enumspb.IndexedValueType{}
	for name, typ := range c.SearchAttributes {
		t, err := enumspb.IndexedValueTypeFromString(typ)
		if err != nil {
			return err
		}
		attributes[name] = t
	}
	namespace, err := sqliteschema.NewNamespaceConfig(clusterName, c.Namespace, false, attributes)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := sqliteschema.CreateNamespaces(sqlConfig(file), namespace); err != nil {
		return fmt.Errorf("make the namespace: %w", err)
	}
	return nil
}

// setUpSchema makes the file with Temporal's tables. Temporal never closes a
// connection, so a write-ahead log would stay next to the file: the plain journal
// leaves everything in it.
func setUpSchema(file string) error {
	c := sqlConfig(file)
	c.ConnectAttributes["journal_mode"] = "delete"
	c.ConnectAttributes["synchronous"] = "off"
	if err := sqliteschema.SetupSchema(c); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sqlConfig uses the write-ahead log (12 times the throughput of the default journal)
// and one connection (more are slower).
func sqlConfig(file string) *serverconfig.SQL {
	return &serverconfig.SQL{
		PluginName:   sqlite.PluginName,
		DatabaseName: (&url.URL{Path: file}).EscapedPath(), // it becomes part of a URI
		MaxConns:     1,
		ConnectAttributes: map[string]string{
			"mode": "rwc", "journal_mode": "wal", "synchronous": "normal",
		},
	}
}

// serverConfig returns Temporal's own configuration: the frontend at address, the other
// services on ports that are free now.
func serverConfig(file, address string) (*serverconfig.Config, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, err
	}
	services := map[string]serverconfig.Service{}
	for _, name := range temporal.DefaultServices {
		p := port
		if name != string(primitives.FrontendService) {
			if p, err = freePort(host); err != nil {
				return nil, err
			}
		}
		services[name] = serverconfig.Service{RPC: serverconfig.RPC{GRPCPort: p, BindOnIP: host}}
	}
	return &serverconfig.Config{
		Persistence: serverconfig.Persistence{
			DefaultStore: "sqlite", VisibilityStore: "sqlite",
			NumHistoryShards: 1,
			DataStores:       map[string]serverconfig.DataStore{"sqlite": {SQL: sqlConfig(file)}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: address},
			},
		},
		DCRedirectionPolicy: serverconfig.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		PublicClient:        serverconfig.PublicClient{HostPort: address},
		Archival: serverconfig.Archival{
			History:    serverconfig.HistoryArchival{State: "disabled"},
			Visibility: serverconfig.VisibilityArchival{State: "disabled"},
		},
		NamespaceDefaults: serverconfig.NamespaceDefaults{Archival: serverconfig.ArchivalNamespaceDefaults{
			History:    serverconfig.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: serverconfig.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
	}, nil
}

// registerSearchAttributes adds the attributes that the namespace lacks, since it may be
// older than this release, and returns when queries accept all of them.
func (s *stack) registerSearchAttributes(ctx context.Context) error {
	return s.withClient(func(c client.Client) error {
		var have *operatorservice.ListSearchAttributesResponse
		err := poll(ctx, func(ctx context.Context) (err error) {
			have, err = c.OperatorService().ListSearchAttributes(ctx,
				&operatorservice.ListSearchAttributesRequest{Namespace: s.config.Namespace})
			return err
		})
		if err != nil {
			return err
		}
		missing := map[string]enumspb.IndexedValueType{}
		for name, typ := range s.config.SearchAttributes {
			want, err := enumspb.IndexedValueTypeFromString(typ)
			if err != nil {
				return err
			}
			switch got, ok := have.CustomAttributes[name]; {
			case !ok:
				missing[name] = want
			case got != want:
				return fmt.Errorf("%s is of type %s in this state folder, this release wants %s: set TAILSWEEP_STATE_DIR to another folder", name, got, want)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		_, err = c.OperatorService().AddSearchAttributes(ctx,
			&operatorservice.AddSearchAttributesRequest{Namespace: s.config.Namespace, SearchAttributes: missing})
		if err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(missing))
		query := strings.Join(names, " IS NULL AND ") + " IS NULL"
		return poll(ctx, func(ctx context.Context) error {
			_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			return err
		})
	})
}

// freePort finds a port that is free now.
func freePort(host string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// free returns an error when another process listens at the address. Some servers would
// end this process in that case, without a useful message.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}
