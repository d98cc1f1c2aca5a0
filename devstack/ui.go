package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/server_options"
)

// startUI serves Temporal's web UI, behind a front, and returns when it answers.
func (s *stack) startUI(ctx context.Context) error {
	f, err := s.startFront("temporal UI", s.config.UI)
	if err != nil {
		return err
	}
	port, err := f.open()
	if err != nil {
		return err
	}
	ui := uiserver.NewServer(server_options.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: s.config.Temporal,
		Host:                innerHost,
		Port:                port,
		UIServerTLS:         uiconfig.UIServerTLS{CertFile: s.certificate.certFile, KeyFile: s.certificate.keyFile},
		EnableUI:            true,
		DefaultNamespace:    s.config.Namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // http on loopback
	}))
	go func() {
		if err := ui.Start(); err != nil {
			s.fail(err)
		}
	}()
	s.started("temporal UI", func(ctx context.Context) error {
		return within(ctx, func() error { ui.Stop(); return nil })
	})
	s.ready.UI = s.config.UI
	return poll(ctx, func(ctx context.Context) error { return get(ctx, "http://"+s.config.UI+"/healthz") })
}

// get fails unless a GET of the URL answers 200.
func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
