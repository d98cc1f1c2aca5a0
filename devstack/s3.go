package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"golang.org/x/sys/unix"
)

const region = "us-east-1"

// startS3 starts the object store; makeBucket waits until it answers.
func (s *stack) startS3(ctx context.Context) error {
	if err := free(s.config.S3.Address); err != nil {
		return err
	}
	s.ready.S3 = s.config.S3.Address
	if s.config.S3.Kind == kindMinIO {
		return s.startMinIO(ctx)
	}
	return s.startVersitygw()
}

// startVersitygw serves the folder s3/ in this process. Objects are plain files
// with their metadata in extended attributes. The gateway's sidecar mode does
// not support conditional writes and is never used.
func (s *stack) startVersitygw() error {
	root := filepath.Join(s.config.Dir, "s3")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	if err := checkXattr(root); err != nil {
		return err
	}
	opts := posix.PosixOpts{}
	opts.SetNewDirPerm(0o700)
	opts.SetNewFilePerm(0o600)
	backend, err := posix.New(root, meta.XattrMeta{}, opts) // changes the working directory
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: s.keys.Access, RootUserSecret: s.keys.Secret, Region: region,
			Ports:          []string{s.config.S3.Address},
			MaxConnections: 4096, MaxRequests: 4096, MultipartMaxParts: 10_000,
			KeepAlive: true, Quiet: true,
		})
		if ctx.Err() == nil {
			s.fail(endedByItself("versitygw", err))
		}
		ended <- err
	}()
	s.started("versitygw", func(stop context.Context) error {
		cancel()
		return within(stop, func() error { return <-ended })
	})
	return nil
}

// endedByItself returns the error of a service that ended unasked; err is what it
// returned, which may be nil.
func endedByItself(service string, err error) error {
	if err == nil {
		return fmt.Errorf("%s ended by itself, without an error", service)
	}
	return fmt.Errorf("%s ended by itself: %w", service, err)
}

// checkXattr fails where files cannot have extended attributes, which hold the metadata
// of objects.
func checkXattr(dir string) error {
	f, err := os.CreateTemp(dir, ".xattr-*")
	if err != nil {
		return err
	}
	err = unix.Setxattr(f.Name(), "user.tailsweep", []byte("1"), 0)
	if err != nil {
		err = fmt.Errorf("the file system of %s keeps no extended attributes (%w), which versitygw needs: "+
			"use `tailsweep up --s3 minio`, or set TAILSWEEP_STATE_DIR to a folder on another file system", dir, err)
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// startMinIO keeps the MinIO server running as a child.
func (s *stack) startMinIO(ctx context.Context) error {
	if err := free(s.config.S3.Console); err != nil {
		return err
	}
	data := filepath.Join(s.config.Dir, "minio")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	s.ready.S3Console = s.config.S3.Console
	return s.keep(ctx, kept{
		name: "minio", pid: &s.ready.MinIOPID, patience: startLimit,
		command: func() (*exec.Cmd, error) {
			cmd := exec.Command(s.config.S3.Binary, "server", "--quiet", "--address", s.config.S3.Address,
				"--console-address", s.config.S3.Console, "--certs-dir", filepath.Join(data, ".certs"), data)
			cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.keys.Access, "MINIO_ROOT_PASSWORD="+s.keys.Secret,
				"MINIO_UPDATE=off", "MINIO_BROWSER_LOGIN_ANIMATION=off")
			return cmd, nil
		},
		answers: func(ctx context.Context) error { return get(ctx, "http://"+s.config.S3.Address+"/minio/health/ready") },
	})
}

// s3Client returns a client of the stack's object store.
func (s *stack) s3Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + s.config.S3.Address),
		Region:       region,
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s.keys.Access, s.keys.Secret, ""),
		Retryer:      aws.NopRetryer{},
	})
}

// makeBucket makes the bucket unless it exists.
func (s *stack) makeBucket(ctx context.Context) error {
	c := s.s3Client()
	return poll(ctx, func(ctx context.Context) error {
		_, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(s.config.Bucket)})
		if owned := new(types.BucketAlreadyOwnedByYou); errors.As(err, &owned) {
			return nil
		}
		return err
	})
}
